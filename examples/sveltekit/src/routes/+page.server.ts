import { error, redirect } from "@sveltejs/kit";
import { goods } from "$shop/goods.ts";
import { without } from "$shop/rules.ts";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals: { session } }) => ({
  goods,
  cart: session.data.cart ?? {},
  hits: session.data.hits ?? 0,
});

export const actions: Actions = {
  async add({ locals: { session }, request }) {
    const wanted = (await request.formData()).get("good");
    const good = goods.find(({ id }) => id === wanted);
    if (good === undefined) error(404, "No such thing.");
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
    redirect(303, "/");
  },

  async remove({ locals: { session }, request }) {
    const gone = String((await request.formData()).get("good"));
    session.update("cart", (cart = {}) => without(cart, gone));
    redirect(303, "/");
  },

  signOut({ locals: { session } }) {
    session.logout();
    redirect(303, "/");
  },
};
