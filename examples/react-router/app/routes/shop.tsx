import { data, Form, redirect } from "react-router";
import { type Good, goods } from "../../../shop/goods.ts";
import { price } from "../../../shop/pages.ts";
import { without } from "../../../shop/rules.ts";
import { Cart } from "../parts/cart";
import { Counter } from "../parts/counter";
import { sessions } from "../sessions.server";
import type { Route } from "./+types/shop";

export const meta: Route.MetaFunction = () => [{ title: "The Chandlery" }];

export function loader({ context }: Route.LoaderArgs) {
  const session = sessions.of(context);
  return { cart: session.data.cart ?? {}, hits: session.data.hits ?? 0, session: session.id };
}

export async function action({ request, context }: Route.ActionArgs) {
  const form = await request.formData();
  const good = goods.find(({ id }) => id === form.get("good"));
  if (good === undefined) throw data("No such thing.", { status: 404 });
  const session = sessions.of(context);
  if (form.get("do") === "remove") session.update("cart", (cart = {}) => without(cart, good.id));
  else {
    // Exact, also when two tabs add at the same moment.
    session.update("cart", (cart = {}) => ({ ...cart, [good.id]: (cart[good.id] ?? 0) + 1 }));
    session.flash("notice", `${good.name} is in your cart.`);
  }
  return redirect("/", 303);
}

export default function Shop({ loaderData: { cart, hits, session } }: Route.ComponentProps) {
  return (
    <div className="columns">
      <section>
        <h2>Goods</h2>
        <div className="goods">
          {goods.map((good) => (
            <Card key={good.id} good={good} />
          ))}
        </div>
      </section>
      <aside>
        <Cart goods={goods} cart={cart} isAnonymous={session === null} />
        {/* What it counted by itself is over when the session is another, or counted elsewhere. */}
        <Counter key={`${session} ${hits}`} hits={hits} />
      </aside>
    </div>
  );
}

function Card({ good }: { readonly good: Good }) {
  return (
    <article className="good">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <path d={good.picture} />
      </svg>
      <h3>{good.name}</h3>
      <p>{good.about}</p>
      <Form method="post">
        <input type="hidden" name="good" value={good.id} />
        <span className="price">{price(good.price)}</span>
        <button className="main" name="do" value="add">
          Add
        </button>
      </Form>
    </article>
  );
}
