import { Body, Controller, Headers, Post, Redirect } from "@nestjs/common";
import { Session } from "holdfast";
import { CurrentSession } from "holdfast/adapters/nestjs";
import { signInPage } from "../../shop/pages.ts";
import { frameOf, type ShopData } from "../../shop/rules.ts";
import { Page } from "./page.js";

@Controller()
export class SignInController {
  @Page("sign-in")
  form(@CurrentSession() session: Session<ShopData>, @Headers("cookie") cookie?: string): string {
    return signInPage(frameOf(session, cookie));
  }

  @Post("sign-in")
  @Redirect("/", 303)
  signIn(
    @CurrentSession() session: Session<ShopData>,
    @Body("name") given: unknown,
  ): { url: string } | undefined {
    const name = String(given ?? "")
      .trim()
      .slice(0, 40);
    if (name === "") return { url: "/sign-in" };
    session.login(name, { methods: ["demo"] });
    session.flash(
      "notice",
      `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
    );
    return undefined;
  }

  @Post("sign-out")
  @Redirect("/", 303)
  signOut(@CurrentSession() session: Session<ShopData>): void {
    session.logout();
  }
}
