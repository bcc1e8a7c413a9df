import { goods } from "../../../../shop/goods.ts";

export default defineEventHandler(async (event) => {
  const wanted = await readField(event, "good");
  const good = goods.find(({ id }) => id === wanted);
  if (good === undefined) throw createError({ statusCode: 404, message: "No such thing." });
  const { session } = event.context;
  // Exact, also when two tabs add at the same moment.
  session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
  session.flash("notice", `${good.name} is in your cart.`);
  return sendRedirect(event, "/", 303);
});
