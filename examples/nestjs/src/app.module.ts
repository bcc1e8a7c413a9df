import { Module } from "@nestjs/common";
import { APP_GUARD } from "@nestjs/core";
import { SessionsModule } from "holdfast/adapters/nestjs";
import { AssetsController } from "./assets.controller.js";
import { CartController } from "./cart.controller.js";
import { DevicesController } from "./devices.controller.js";
import { FrontController } from "./front.controller.js";
import { SameSiteGuard } from "./same-site.guard.js";
import { makeSessions } from "./sessions.js";
import { SignInController } from "./sign-in.controller.js";

@Module({
  imports: [SessionsModule.forRootAsync({ useFactory: makeSessions })],
  controllers: [AssetsController, FrontController, CartController, SignInController, DevicesController],
  providers: [{ provide: APP_GUARD, useClass: SameSiteGuard }],
})
export class AppModule {}
