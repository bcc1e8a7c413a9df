import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../package/package-json.ts";
import { runIn } from "../support/projects.ts";
import { type Built, folderOf } from "./build.ts";
import { form, textOf } from "./rig.ts";

/** The application with the package as users get it: types, build, and code as it is written for the framework's storages. */
export function describeWhole(built: () => Built): void {
  const app = { middleware: [], handlers: {}, failed: () => undefined };
  const ask = (path: string, init: RequestInit & { readonly cookie?: string } = {}): Promise<Response> => {
    const { cookie, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (cookie !== undefined) headers.set("cookie", cookie);
    return built().answer(app, new Request(`http://shop.test${path}`, { ...rest, headers }));
  };

  describe("an application", () => {
    test(
      "has types that fit those of the framework, as it generates them",
      { timeout: 120_000 },
      async () => {
        const folder = folderOf(built().version);
        const typed = await runIn(folder, "node_modules/.bin/react-router", ["typegen"]);
        expect(typed.code, typed.output).toBe(0);
        const checked = await runIn(folder, "node_modules/.bin/tsc", [
          "-p",
          "tsconfig.json",
          "--pretty",
          "false",
        ]);
        expect(checked.output).toBe("");
      },
    );

    test("may render a page at build time that looks at its session: it is nobody's", () => {
      const file = ".generated/build/client/app/prerendered/index.html";
      const page = readFileSync(join(ROOT, folderOf(built().version), file), "utf8");
      expect(textOf(page, "prerendered")).toBe("nobody");
    });

    test(
      "may not change a session at build time: the build fails and says why",
      { timeout: 120_000 },
      async () => {
        const environment = { CHANGES_WHILE_PRERENDERING: "yes", BUILD_DIRECTORY: ".generated/refused" };
        const folder = folderOf(built().version);
        const { code, output } = await runIn(
          folder,
          "node_modules/.bin/react-router",
          ["build"],
          environment,
        );
        expect(output).toContain("a page that is rendered at build time has no visitor");
        expect(code).not.toBe(0);
      },
    );

    test("written for createCookieSessionStorage works with the import changed", async () => {
      const refused = await ask("/app/legacy", form({ name: "" }));
      const cookie = refused.headers.getSetCookie()[0] ?? "";
      expect(cookie).toContain("Max-Age=3600");
      const first = cookie.split(";")[0] ?? "";
      const told = await ask("/app/legacy", { cookie: first });
      expect(textOf(await told.text(), "legacy")).toBe("nobody Who are you?");
      // Nothing is left in it once the message is read.
      expect(told.headers.getSetCookie()[0]).toContain("Max-Age=0");
      expect(textOf(await (await ask("/app/legacy", { cookie: first })).text(), "legacy")).toBe("nobody ");

      const entered = await ask("/app/legacy", { cookie: first, ...form({ name: "ada" }) });
      const second = entered.headers.getSetCookie()[0]?.split(";")[0] ?? "";
      expect([entered.status, second === first]).toEqual([302, false]);
      expect(textOf(await (await ask("/app/legacy", { cookie: second })).text(), "legacy")).toBe("ada ");
      expect(textOf(await (await ask("/app/legacy", { cookie: first })).text(), "legacy")).toBe("nobody ");

      const left = await ask("/app/legacy", { cookie: second, ...form({ intent: "leave" }) });
      expect(left.headers.getSetCookie()[0]).toContain("Max-Age=0");
      expect(textOf(await (await ask("/app/legacy", { cookie: second })).text(), "legacy")).toBe("nobody ");
    });

    test("guards a route by a middleware of its own", async () => {
      const response = await ask("/app/guarded");
      expect([response.status, response.headers.get("location")]).toEqual([302, "/app/page"]);
    });
  });
}
