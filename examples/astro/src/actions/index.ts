import { ActionError, type ActionAPIContext, defineAction } from "astro:actions";
import { z } from "astro/zod";
import { parseSessionId } from "holdfast";
import { goods } from "$shop/goods.ts";
import { without } from "$shop/rules.ts";
import { manager } from "../sessions.ts";

export const server = {
  add: defineAction({
    accept: "form",
    input: z.object({ good: z.string() }),
    handler(input, { locals: { session } }) {
      const good = goods.find(({ id }) => id === input.good);
      if (good === undefined) throw new ActionError({ code: "NOT_FOUND", message: "No such thing." });
      // Exact, also when two tabs add at the same moment.
      session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
      session.flash("notice", `${good.name} is in your cart.`);
      return "/";
    },
  }),

  remove: defineAction({
    accept: "form",
    input: z.object({ good: z.string() }),
    handler({ good }, { locals: { session } }) {
      session.update("cart", (cart = {}) => without(cart, good));
      return "/";
    },
  }),

  signIn: defineAction({
    accept: "form",
    input: z.object({ name: z.string().default("") }),
    handler(input, { locals: { session } }) {
      const name = input.name.trim().slice(0, 40);
      if (name === "") return "/sign-in";
      session.login(name, { methods: ["demo"] });
      session.flash(
        "notice",
        `Welcome aboard, ${name}. Your cookie has a new secret; the old one opens nothing any more.`,
      );
      return "/";
    },
  }),

  signOut: defineAction({
    accept: "form",
    handler(_input, { locals: { session } }) {
      session.logout();
      return "/";
    },
  }),

  endDevice: defineAction({
    accept: "form",
    input: z.object({ id: z.string() }),
    async handler(input, { locals: { session } }) {
      const id = parseSessionId(input.id);
      if (session.user === null || id === null) return "/devices";
      const ended = await manager.revoke(id, { user: session.user });
      session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
      return "/devices";
    },
  }),

  endOtherDevices: defineAction({
    accept: "form",
    async handler(_input, { locals: { session } }: ActionAPIContext) {
      if (session.user === null) return "/sign-in";
      const count = await manager.revokeUser(session.user, { except: session.id });
      session.flash(
        "notice",
        count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
      );
      return "/devices";
    },
  }),
};
