import { Controller, Get, Module, Post, Redirect } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { Session, SessionManager } from "holdfast";
import { CurrentSession, SessionsModule } from "holdfast/adapters/nestjs";
import { memoryStore } from "holdfast/stores/memory";

interface Shop {
  cart: string[];
}

const manager = new SessionManager<Shop>({ store: memoryStore() });

@Controller("cart")
class CartController {
  @Get()
  list(@CurrentSession() session: Session<Shop>): string[] {
    return session.data.cart ?? [];
  }

  @Post()
  @Redirect("/cart", 303)
  add(@CurrentSession() session: Session<Shop>): void {
    session.update("cart", (cart = []) => [...cart, "anchor"]);
  }
}

@Module({ imports: [SessionsModule.forRoot(manager)], controllers: [CartController] })
class AppModule {}

async function bootstrap(): Promise<void> {
  const app = await NestFactory.create(AppModule);
  await app.listen(3000);
}
void bootstrap();
