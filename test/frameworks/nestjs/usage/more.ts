import {
  type ArgumentsHost,
  Catch,
  Controller,
  Delete,
  type ExceptionFilter,
  Get,
  HttpException,
  Inject,
  Injectable,
  Module,
  Post,
  Scope,
  Session as NestSession,
  UseGuards,
} from "@nestjs/common";
import { APP_GUARD, HttpAdapterHost, REQUEST } from "@nestjs/core";
import { Session, SessionManager } from "holdfast";
import {
  CurrentSession,
  Fresh,
  LoggedIn,
  managerToken,
  Public,
  Sessions,
  SessionsModule,
  sessionsToken,
} from "holdfast/adapters/nestjs";
import { openStore } from "holdfast/open-store";
import { memoryStore } from "holdfast/stores/memory";

interface Shop {
  cart: string[];
}

class Config {
  readonly storeUrl: string = "memory:";
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

@Module({
  imports: [
    SessionsModule.forRootAsync({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: async (config: Config) => ({
        manager: new SessionManager<Shop>({ store: await openStore(config.storeUrl) }),
        closeManager: true, // with the application, after its last request
      }),
    }),
  ],
})
class AsyncModule {}

@Controller("account")
@UseGuards(LoggedIn)
class AccountController {
  constructor(private readonly manager: SessionManager<Shop>) {}

  @Get("devices")
  devices(@CurrentSession() session: Session<Shop>) {
    return this.manager.sessionsOf(session.user ?? "");
  }

  @Delete()
  @Fresh("5m")
  async close(@CurrentSession() session: Session<Shop>): Promise<void> {
    session.logout();
  }
}

@Module({
  providers: [{ provide: APP_GUARD, useClass: LoggedIn }],
  controllers: [AccountController],
})
class GuardedModule {}

@Controller("sign-in")
@Public()
class SignInController {
  @Post()
  signIn(@CurrentSession() session: Session<Shop>): void {
    session.login("user-42", { methods: ["pwd"] });
  }

  @Get()
  nests(@NestSession() session: Session<Shop>): string | null {
    return session.user;
  }
}

@Injectable({ scope: Scope.REQUEST })
class Cart {
  readonly #session: Session<Shop>;

  constructor(@Inject(REQUEST) request: object, sessions: Sessions<Session<Shop>>) {
    this.#session = sessions.of(request);
  }

  add(item: string): void {
    this.#session.update("cart", (cart = []) => [...cart, item]);
  }
}

const shop = new SessionManager<Shop>({ store: memoryStore() });
const staff = new SessionManager({ store: memoryStore(), cookie: { name: "__Host-staff" } });

@Module({
  imports: [SessionsModule.forRoot(shop), SessionsModule.forRoot({ manager: staff, name: "staff" })],
})
class TwoManagersModule {}

@Controller("staff")
@UseGuards(new LoggedIn("staff"))
class StaffController {
  constructor(
    @Inject(managerToken("staff")) private readonly manager: SessionManager,
    @Inject(sessionsToken("staff")) private readonly sessions: Sessions<Session>,
  ) {}

  @Get()
  @Fresh("5m", "staff")
  who(@CurrentSession("staff") session: Session): string {
    return `${session.user} of ${String(this.manager)} ${String(this.sessions)}`;
  }
}

@Catch(HttpException)
class ErrorPage implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(exception: HttpException, context: ArgumentsHost): void {
    const response = context.switchToHttp().getResponse();
    this.host.httpAdapter.reply(response, { sorry: true }, exception.getStatus());
  }
}

const chosen = SessionsModule.forRoot({
  manager: shop,
  only: (request) => !request.url?.startsWith("/assets/"),
  clientAddress: (request) => request.ip,
  isFailure: (thrown) => !(thrown instanceof HttpException),
  renderFailure: () => ({ status: 503, headers: {}, body: "sorry" }),
  mountPath: "/shop",
});

export {
  AsyncModule,
  Cart,
  chosen,
  ErrorPage,
  GuardedModule,
  SignInController,
  StaffController,
  TwoManagersModule,
};
