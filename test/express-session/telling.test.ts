import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { cases, require } from "./support/subjects.ts";

const run = promisify(execFile);

const MODULES: Readonly<Record<string, string>> = {
  "express-session 1.19": require.resolve("express-session"),
  "holdfast/express-session": fileURLToPath(new URL("../../src/express-session.ts", import.meta.url)),
};

cases("what a process is told on standard error", (_session, name) => {
  async function told(code: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const program = `import session from ${JSON.stringify(MODULES[name])};\n${code}`;
    const { NODE_ENV: _unused, NO_DEPRECATION: _other, ...env } = process.env;
    const { stderr } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      env: { ...env, ...environment },
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    return stderr;
  }

  const quiet = '{ secret: "s", resave: false, saveUninitialized: false }';

  test("nothing, where all that matters is said", async () => {
    expect(await told(`session(${quiet})`)).toBe("");
  });

  test("what is deprecated, with where it is done", async () => {
    const text = await told('session({ secret: "s", resave: false })');
    expect(text).toMatch(
      /express-session deprecated undefined saveUninitialized option; provide saveUninitialized option/,
    );
  });

  test("nothing of that where NO_DEPRECATION names it", async () => {
    const environment = { NO_DEPRECATION: "other,express-session" };
    expect(await told('session({ secret: "s" })', environment)).toBe("");
  });

  test("that a MemoryStore is not for production, there", async () => {
    const text = await told(`session(${quiet})`, { NODE_ENV: "production" });
    expect(text).toMatch(/^Warning: connect\.session\(\) MemoryStore is not\ndesigned for a production/);
  });

  test("not so for a store of one's own", async () => {
    const own = "class Own extends session.Store {}";
    const code = `${own}\nsession({ ...${quiet}, store: new Own() })`;
    expect(await told(code, { NODE_ENV: "production" })).toBe("");
  });
});
