import { Elysia } from "elysia";
import { SessionManager } from "holdfast";
import { elysiaSessions } from "holdfast/adapters/elysia";
import { memoryStore } from "holdfast/stores/memory";

const manager = new SessionManager<{ cart: string[] }>({ store: memoryStore() });
const sessions = elysiaSessions(manager);

const app = new Elysia()
  .use(sessions)
  .get("/cart", ({ session }) => session.data.cart ?? []) // typed
  .post("/cart", ({ session, redirect }) => {
    session.update("cart", (cart = []) => [...cart, "anchor"]);
    return redirect("/cart", 303);
  });
app.listen(3000);
