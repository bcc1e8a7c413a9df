import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demandBuild, ROOT } from "./package-json.ts";

/** What an application writes against the types of express-session, but for its name. */
const APPLICATION = `
import express, { type Request, type RequestHandler } from "express";
import session, { Cookie, MemoryStore, type SessionData, Store } from "NAME";

declare module "NAME" {
  interface SessionData {
    views: number;
  }
}

class Mine extends Store {
  get(_sid: string, callback: (error: any, session?: SessionData | null) => void) {
    callback(null);
  }
  set(_sid: string, _session: SessionData, callback?: (error?: any) => void) {
    callback?.();
  }
  destroy(_sid: string, callback?: (error?: any) => void) {
    callback?.();
  }
}

const options: session.SessionOptions = { secret: ["new", "old"], genid: (req) => String(req.headers.host) };
const app = express();
const handler: RequestHandler = session(options);
app.use(handler, session({ secret: "s", store: new Mine(), cookie: { maxAge: 1, sameSite: "lax" } }));
app.use("/x", session({ secret: "s", store: new session.MemoryStore(), cookie: (req: Request) => ({ secure: req.secure }) }));
app.get("/", (req, res) => {
  const views: number | undefined = req.session.views;
  req.session.views = (views ?? 0) + 1;
  req.session.save((error) => res.end(String(error?.message)));
  req.session.regenerate((error) => res.end(String(error?.message)));
  req.session.cookie.maxAge = 5;
  req.session.cookie.expires = new Date();
  req.sessionStore.destroy(req.session.id + req.sessionID, () => undefined);
  req.sessionStore.generate(req);
  req.session.touch().resetMaxAge();
  // @ts-expect-error -- it is a number
  req.session.views = "many";
});
export const store: session.Store = new MemoryStore();
export const age = (req: Request) => new Cookie().maxAge ?? req.session.cookie.originalMaxAge;
`;

const PROMISES = `
import express from "express";
import session from "holdfast/express-session";
const app = express();
app.use(session({ secret: "s", deadline: "2s" }));
app.get("/", async (req) => {
  await req.session.save();
  await req.session.regenerate();
  await req.session.reload();
  await req.session.destroy();
});
`;

const COMMON_JS = `
import session = require("holdfast/express-session");
import { Store } from "holdfast/express-session";
export const handler = session({ secret: "s" });
export const store: session.Store = new session.MemoryStore();
export const isStore = store instanceof Store;
`;

/** Beside the module's own types: an application that was not changed but for the import's name. */
const UNCHANGED = `
import express from "express";
import session from "holdfast/express-session";
import connectPgSimple from "connect-pg-simple";
import { OtherStore } from "./store.js";

declare module "express-session" {
  interface SessionData {
    views: number;
  }
}

const app = express();
app.use(session({ secret: "s", store: new OtherStore() }));
app.use(session({ secret: "s", store: new (connectPgSimple(session))() }));
app.get("/", (req) => {
  req.session.views = (req.session.views ?? 0) + 1;
  req.session.regenerate((error) => error);
  req.sessionStore.generate(req);
});
`;

/** As the types of a store do, which are made for express-session. */
const STORE = `
import { Store } from "express-session";
export declare class OtherStore extends Store {
  get(sid: string, callback: (error: any) => void): void;
  set(sid: string, session: object, callback?: (error?: any) => void): void;
  destroy(sid: string, callback?: (error?: any) => void): void;
}
`;

let folder = "";
beforeAll(() => {
  demandBuild();
  folder = mkdtempSync(join(tmpdir(), "holdfast-types-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles files in a project of its own, which has Holdfast as it is published, and these types. What the compiler says. */
function compiled(name: string, types: readonly string[], files: Readonly<Record<string, string>>): string {
  const project = join(folder, name);
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "holdfast"), { recursive: true });
  cpSync(join(ROOT, "dist"), join(modules, "holdfast/dist"), { recursive: true });
  cpSync(join(ROOT, "package.json"), join(modules, "holdfast/package.json"));
  for (const type of types) copyTypes(type, modules);
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
  const compilerOptions = {
    module: "nodenext",
    target: "es2023",
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: ["node"],
  };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: Object.keys(files) }),
  );
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const { stdout } = spawnSync(tsc, ["-p", project, "--pretty", "false"], { cwd: project, encoding: "utf8" });
  return stdout.trim();
}

/** Copies a package with what it depends on, so that nothing is found of this repository's own. */
function copyTypes(name: string, modules: string): void {
  const from = join(ROOT, "node_modules", name);
  if (existsSync(join(modules, name)) || !existsSync(from)) return;
  cpSync(from, join(modules, name), { recursive: true, dereference: true });
  const { dependencies = {} } = JSON.parse(readFileSync(join(from, "package.json"), "utf8")) as {
    readonly dependencies?: Record<string, string>;
  };
  for (const dependency of Object.keys(dependencies)) copyTypes(dependency, modules);
}

const EXPRESS = ["@types/express", "@types/node"];

describe("the types of holdfast/express-session", { timeout: 60_000 }, () => {
  test("are those of express-session, for Express 5", () => {
    const files = {
      "application.ts": APPLICATION.replaceAll("NAME", "holdfast/express-session"),
      "promises.ts": PROMISES,
      "common.cts": COMMON_JS,
    };
    expect(compiled("express5", EXPRESS, files)).toBe("");
  });

  test("which the same application proves, against those of express-session", () => {
    const application = APPLICATION.replaceAll("NAME", "express-session");
    // There `session` is imported as a whole, and has its members by that name.
    const files = { "application.ts": application.replace("cookie: (req: Request)", "cookie: (req)") };
    expect(compiled("original", [...EXPRESS, "@types/express-session"], files)).toBe("");
  });

  test("leave an application alone that still has those of express-session", () => {
    const files = { "unchanged.ts": UNCHANGED, "store.d.ts": STORE };
    const types = [...EXPRESS, "@types/express-session", "@types/connect-pg-simple"];
    expect(compiled("beside", types, files)).toBe("");
  });

  test("are there without Express", () => {
    const files = {
      "plain.ts": `
import { createServer } from "node:http";
import session from "holdfast/express-session";
const handle = session({ secret: "s" });
createServer((req, res) => handle(req, res, (error) => res.end(String(error)))).listen();
`,
    };
    expect(compiled("plain", ["@types/node"], files)).toBe("");
  });
});
