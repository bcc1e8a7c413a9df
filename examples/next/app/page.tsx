import { type Good, goods } from "../../shop/goods.ts";
import { price } from "../../shop/pages.ts";
import { sessions } from "../lib/sessions.ts";
import { addToCart, removeFromCart } from "./actions.ts";
import { Counter } from "./ui/counter.tsx";
import { Frame } from "./ui/frame.tsx";

export default async function Page() {
  const { data, id } = await sessions.read();
  const hits = data.hits ?? 0;
  return (
    <Frame>
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
          <Cart />
          {/* Whatever its script has put there is over when the session is another, or counted elsewhere. */}
          <Counter key={`${id} ${hits}`} hits={hits} />
        </aside>
      </div>
    </Frame>
  );
}

function Card({ good }: { good: Good }) {
  return (
    <article className="good">
      <svg viewBox="0 0 48 48" aria-hidden="true">
        <path d={good.picture} />
      </svg>
      <h3>{good.name}</h3>
      <p>{good.about}</p>
      <form action={addToCart}>
        <input type="hidden" name="good" value={good.id} />
        <span className="price">{price(good.price)}</span>
        <button className="main">Add</button>
      </form>
    </article>
  );
}

async function Cart() {
  const { data, id } = await sessions.read();
  const lines = goods
    .map((good) => ({ good, count: data.cart?.[good.id] ?? 0 }))
    .filter(({ count }) => count > 0);
  const total = lines.reduce((sum, { good, count }) => sum + good.price * count, 0);
  if (lines.length === 0) {
    return (
      <section className="box">
        <h2>Your cart</h2>
        <p className="quiet">{id === null ? "Empty, and nothing is stored of you." : "Empty."}</p>
      </section>
    );
  }
  return (
    <section className="box">
      <h2>Your cart</h2>
      <table>
        <tbody>
          {lines.map(({ good, count }) => (
            <tr key={good.id}>
              <td>{count} ×</td>
              <td>{good.name}</td>
              <td className="price">{price(good.price * count)}</td>
              <td>
                <form action={removeFromCart}>
                  <input type="hidden" name="good" value={good.id} />
                  <button className="link" aria-label={`Remove ${good.name}`}>
                    ×
                  </button>
                </form>
              </td>
            </tr>
          ))}
          <tr className="total">
            <td></td>
            <td>Total</td>
            <td className="price">{price(total)}</td>
            <td></td>
          </tr>
        </tbody>
      </table>
    </section>
  );
}
