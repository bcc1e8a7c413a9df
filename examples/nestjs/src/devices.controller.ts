import { Body, Controller, Headers, Post, Redirect, UseFilters, UseGuards } from "@nestjs/common";
import { parseSessionId, Session, SessionManager } from "holdfast";
import { CurrentSession, LoggedIn } from "holdfast/adapters/nestjs";
import { devicesPage } from "../../shop/pages.ts";
import { frameOf, type ShopData } from "../../shop/rules.ts";
import { Page } from "./page.js";
import { ToSignInFilter } from "./to-sign-in.filter.js";

/** Where somebody is signed in. Only for who is. */
@Controller("devices")
@UseGuards(LoggedIn)
@UseFilters(ToSignInFilter)
export class DevicesController {
  constructor(private readonly manager: SessionManager<ShopData>) {}

  @Page("/")
  async list(
    @CurrentSession() session: Session<ShopData>,
    @Headers("cookie") cookie?: string,
  ): Promise<string> {
    const frame = frameOf(session, cookie);
    return devicesPage(frame, await this.manager.sessionsOf(userOf(session)), session.id);
  }

  @Post("end")
  @Redirect("/devices", 303)
  async end(@CurrentSession() session: Session<ShopData>, @Body("id") given: unknown): Promise<void> {
    const id = parseSessionId(String(given));
    if (id === null) return;
    const ended = await this.manager.revoke(id, { user: userOf(session) });
    session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
  }

  @Post("end-others")
  @Redirect("/devices", 303)
  async endOthers(@CurrentSession() session: Session<ShopData>): Promise<void> {
    const count = await this.manager.revokeUser(userOf(session), { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
  }
}

/** Who is signed in, as the guard has seen to. */
function userOf({ user }: Session<ShopData>): string {
  if (user === null) throw new Error("The guard let somebody in who is nobody.");
  return user;
}
