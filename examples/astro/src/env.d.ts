import type { Session } from "holdfast";
import type { ShopData } from "$shop/rules.ts";

declare global {
  namespace App {
    interface Locals {
      session: Session<ShopData>;
    }
  }
}
