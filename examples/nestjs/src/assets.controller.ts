import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Controller, Get, Header } from "@nestjs/common";
import { assets } from "../../shop/rules.ts";

/** As seen from where this is built to. */
const SHOP = join(import.meta.dirname, "../../../../shop");

@Controller()
export class AssetsController {
  readonly #style = readFileSync(join(SHOP, "style.css"), "utf8");
  readonly #counter = readFileSync(join(SHOP, "counter.js"), "utf8");

  @Get("style.css")
  @Header("Content-Type", assets["/style.css"]!)
  style(): string {
    return this.#style;
  }

  @Get("counter.js")
  @Header("Content-Type", assets["/counter.js"]!)
  counter(): string {
    return this.#counter;
  }
}
