import { Body, Controller, NotFoundException, Post, Redirect } from "@nestjs/common";
import { Session } from "holdfast";
import { CurrentSession } from "holdfast/adapters/nestjs";
import { goods } from "../../shop/goods.ts";
import { type ShopData, without } from "../../shop/rules.ts";

@Controller("cart")
export class CartController {
  @Post("add")
  @Redirect("/", 303)
  add(@CurrentSession() session: Session<ShopData>, @Body("good") id: string): void {
    const good = goods.find((one) => one.id === id);
    if (good === undefined) throw new NotFoundException("No such thing.");
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
  }

  @Post("remove")
  @Redirect("/", 303)
  remove(@CurrentSession() session: Session<ShopData>, @Body("good") id: string): void {
    session.update("cart", (cart = {}) => without(cart, id));
  }
}
