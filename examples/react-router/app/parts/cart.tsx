import { Form } from "react-router";
import type { Good } from "../../../shop/goods.ts";
import { price } from "../../../shop/pages.ts";

interface Props {
  readonly goods: readonly Good[];
  readonly cart: Readonly<Record<string, number>>;
  readonly isAnonymous: boolean;
}

export function Cart({ goods, cart, isAnonymous }: Props) {
  const lines = goods.map((good) => ({ good, count: cart[good.id] ?? 0 })).filter(({ count }) => count > 0);
  if (lines.length === 0) {
    return (
      <section className="box">
        <h2>Your cart</h2>
        <p className="quiet">{isAnonymous ? "Empty, and nothing is stored of you." : "Empty."}</p>
      </section>
    );
  }
  const total = lines.reduce((sum, { good, count }) => sum + good.price * count, 0);
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
                <Form method="post">
                  <input type="hidden" name="good" value={good.id} />
                  <button className="link" name="do" value="remove" aria-label={`Remove ${good.name}`}>
                    ×
                  </button>
                </Form>
              </td>
            </tr>
          ))}
          <tr className="total">
            <td />
            <td>Total</td>
            <td className="price">{price(total)}</td>
            <td />
          </tr>
        </tbody>
      </table>
    </section>
  );
}
