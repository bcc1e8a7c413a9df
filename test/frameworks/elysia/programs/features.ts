// What is Elysia's own, tried on the runtime that runs this; a line for each that holds, and an error where one does not.
import assert from "node:assert/strict";
import { Elysia, sse } from "elysia";
import { elysiaSessions } from "holdfast/adapters/elysia";
import { type Session, SessionManager } from "holdfast";
import { memoryStore } from "holdfast/stores/memory";
import { cookieJar, failsBefore, faultyStore } from "holdfast/testing";

const aot = process.argv[2] !== "dynamic";

function rig() {
  const store = faultyStore(memoryStore());
  const manager = new SessionManager({ store: store.store, sweepEvery: false });
  const sessions = elysiaSessions(manager);
  const jar = cookieJar();
  async function ask(app: { handle(request: Request): Promise<Response> }, path: string): Promise<Response> {
    const headers = new Headers();
    const line = jar.header("http://localhost");
    if (line !== undefined) headers.set("cookie", line);
    const response = await app.handle(new Request(`http://localhost${path}`, { headers }));
    jar.take(response.headers.getSetCookie(), "http://localhost");
    return response;
  }
  return { store, manager, sessions, ask };
}

const cases: Record<string, () => Promise<void>> = {
  async "the source of a handler decides nothing"() {
    const { sessions, ask } = rig();
    const app = new Elysia({ aot }).use(sessions);
    const key = ["ses", "sion"].join("");
    const add = (session: Session): string => String(session.increment("n"));
    app
      .get("/destructured", ({ session }) => add(session))
      .get("/computed", (context) => add((context as never)[key]))
      .get("/arguments", function handler() {
        return add((arguments[0] as { session: Session }).session);
      } as never)
      .get("/rest", ((...all: { session: Session }[]) => add(all[0]!.session)) as never)
      .get(
        "/bound",
        ((_: unknown, context: { session: Session }) => add(context.session)).bind(null, 0) as never,
      )
      .get("/of", ({ request }) => add(sessions.of(request)))
      .get("/none", () => "nothing");
    const paths = ["destructured", "computed", "arguments", "rest", "bound", "of"];
    for (const [index, path] of paths.entries()) {
      assert.equal(await (await ask(app, `/${path}`)).text(), String(index + 1), path);
      assert.equal(await (await ask(app, "/none")).text(), "nothing");
    }
  },
  async "cookies that the application sets stay beside the session's"() {
    // Elysia 1.3 that is not compiled has no such cookies.
    if (!aot && process.argv[3] === "1.3.21") return;
    const { sessions, ask } = rig();
    const app = new Elysia({ aot, cookie: { secrets: "a secret", sign: ["signed"] } })
      .use(sessions)
      .get("/", ({ session, cookie, set }) => {
        session.set("a", 1);
        cookie["signed"]!.value = "mine";
        set.headers["x-own"] = "kept";
        return "text";
      });
    const response = await ask(app, "/");
    const names = response.headers.getSetCookie().map((line) => line.split("=")[0]);
    assert.deepEqual(names.sort(), ["__Host-Http-sid", "signed"]);
    assert.equal(response.headers.get("x-own"), "kept");
  },
  async "onError answers what cannot be read or saved"() {
    const { sessions, ask, store } = rig();
    const seen: unknown[] = [];
    const app = new Elysia({ aot })
      .use(sessions)
      .onError(({ error, set }) => {
        seen.push((error as { code?: unknown }).code);
        return `sorry ${set.status}`;
      })
      .get("/", ({ session, set }) => {
        set.headers["location"] = "/elsewhere";
        return String(session.increment("n"));
      });
    assert.equal(await (await ask(app, "/")).text(), "1");
    store.always("update", failsBefore());
    const unsaved = await ask(app, "/");
    const body = aot ? "sorry 503" : "Service Unavailable\n";
    assert.deepEqual(
      [unsaved.status, await unsaved.text(), unsaved.headers.get("location")],
      [503, body, null],
    );
    store.always("read", failsBefore());
    assert.equal((await ask(app, "/")).status, 503);
    const last = "ERR_SESSION_STORE_UNAVAILABLE";
    assert.deepEqual(seen, aot ? ["ERR_SESSION_UNKNOWN", last] : [last]);
  },
  async "an instance within another, both with the plugin, loads and saves once"() {
    const { sessions, ask, store } = rig();
    const inner = new Elysia({ aot })
      .use(sessions)
      .get("/inner", ({ session }) => String(session.increment("n")));
    const app = new Elysia({ aot })
      .use(sessions)
      .use(inner)
      .get("/outer", ({ session }) => session.increment("n"));
    assert.equal((await ask(app, "/inner")).headers.getSetCookie().length, 1);
    store.forget();
    assert.equal(await (await ask(app, "/inner")).text(), "2");
    assert.deepEqual([store.count("read"), store.count("update")], [1, 1]);
  },
  async "two managers of an inner instance both work in the outer one"() {
    const { sessions, ask } = rig();
    const admins = new SessionManager({
      store: memoryStore(),
      sweepEvery: false,
      cookie: { name: "__Host-admin" },
    });
    const inner = new Elysia({ aot }).use(sessions).use(elysiaSessions(admins, { name: "admin" }));
    const app = new Elysia({ aot }).use(inner).get("/", ({ session, admin }) => {
      session.set("a", 1);
      admin.set("a", 1);
      return "set";
    });
    if (!aot) return; // The plugin is to be used on the instance that serves.
    assert.equal((await ask(app, "/")).headers.getSetCookie().length, 2);
  },
  async "a plugin that is not on the serving instance is told, not missing in silence"() {
    const { sessions, ask } = rig();
    const app = new Elysia({ aot })
      .use(new Elysia({ aot }).use(sessions))
      .get("/", ({ session }) => session.user ?? "nobody");
    assert.equal((await ask(app, "/")).status, aot ? 200 : 500);
  },
  async "resolve, guards and beforeHandle see the session"() {
    const { sessions, ask } = rig();
    const app = new Elysia({ aot })
      .use(sessions)
      .get("/login", ({ session }) => {
        session.login("ada");
        return "in";
      })
      .guard(
        { beforeHandle: ({ session, status }) => (session.user === null ? status(401, "who?") : undefined) },
        (guarded) =>
          guarded.resolve(({ session }) => ({ user: session.user })).get("/me", ({ user }) => String(user)),
      );
    assert.equal((await ask(app, "/me")).status, 401);
    await ask(app, "/login");
    assert.equal(await (await ask(app, "/me")).text(), "ada");
  },
  async "server-sent events carry the cookie of a new session"() {
    const { sessions, ask } = rig();
    const app = new Elysia({ aot }).use(sessions).get("/", async function* ({ session }) {
      session.set("a", 1);
      yield sse({ event: "one", data: "1" });
    });
    const response = await ask(app, "/");
    assert.equal(response.headers.getSetCookie().length, 1);
    assert.match(await response.text(), /event: one/);
  },
  async "a WebSocket has the session of its upgrade"() {
    const { sessions } = rig();
    const app = new Elysia({ aot }).use(sessions).ws("/ws", {
      open: (ws) => void ws.send(String((ws.data as unknown as { session: Session }).session.user)),
    });
    app.listen({ port: 0, hostname: "127.0.0.1" });
    const socket = new WebSocket(`ws://127.0.0.1:${app.server?.port}/ws`);
    const text = await new Promise((resolve, reject) => {
      socket.addEventListener("message", (event) => resolve(event.data));
      socket.addEventListener("error", () => reject(new Error("no socket")));
    });
    assert.equal(text, "null");
    socket.close();
    await app.stop(true);
  },
};

for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
process.exit(0);
