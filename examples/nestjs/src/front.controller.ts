import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { Body, Controller, Get, Headers, HttpCode, Post, StreamableFile } from "@nestjs/common";
import { Session } from "holdfast";
import { CurrentSession } from "holdfast/adapters/nestjs";
import { goods } from "../../shop/goods.ts";
import { type Frame, shopPage, tidePageEnd, tidePageStart } from "../../shop/pages.ts";
import { frameOf, type ShopData } from "../../shop/rules.ts";
import { askHarbourMaster } from "../../shop/tides.ts";
import { Page } from "./page.js";

@Controller()
export class FrontController {
  @Page("/")
  shop(@CurrentSession() session: Session<ShopData>, @Headers("cookie") cookie?: string): string {
    const { cart = {}, hits = 0 } = session.data;
    return shopPage(frameOf(session, cookie), goods, cart, hits);
  }

  /** A page that is sent in two parts. What was changed before the first one is saved before it leaves. */
  @Page("tide")
  tide(@CurrentSession() session: Session<ShopData>, @Headers("cookie") cookie?: string): StreamableFile {
    session.increment("tides");
    const now = (): Frame => frameOf(session, cookie);
    return new StreamableFile(Readable.from(tidePage(now(), now), { objectMode: false }), {
      type: "text/html; charset=utf-8",
    });
  }

  @Post("hit")
  @HttpCode(200)
  hit(@CurrentSession() session: Session<ShopData>): { hits: number } {
    return { hits: session.increment("hits") };
  }

  @Get("hits")
  hits(@CurrentSession() session: Session<ShopData>): { hits: number } {
    return { hits: session.data.hits ?? 0 };
  }

  /** A request that takes its time, to be overtaken by a sign-out. */
  @Post("slow-note")
  @HttpCode(200)
  async slowNote(@CurrentSession() session: Session<ShopData>, @Body("note") note = ""): Promise<string> {
    session.data.note = String(note);
    await wait(400);
    return "Noted, if you are still here.";
  }
}

async function* tidePage(first: Frame, now: () => Frame): AsyncGenerator<string> {
  yield tidePageStart(first);
  const waters = await askHarbourMaster();
  yield tidePageEnd(now(), waters);
}
