import { without } from "../../../../shop/rules.ts";

export default defineEventHandler(async (event) => {
  const gone = await readField(event, "good");
  event.context.session.update("cart", (cart = {}) => without(cart, gone));
  return sendRedirect(event, "/", 303);
});
