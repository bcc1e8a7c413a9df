import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { browseShop } from "../../browser/support/browse-shop.ts";
import { blocksOf } from "../../docs/pages.ts";
import { walkThrough } from "../../examples/walk.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn, withProjects } from "../support/projects.ts";

const EXAMPLE = "examples/react-router";

withProjects([EXAMPLE], () => {
  beforeAll(async () => {
    const { code, output } = await runIn(EXAMPLE, "npm", ["run", "build"]);
    expect(code, output).toBe(0);
  }, 120_000);

  test("the shop upon React Router is walked through by browsers as promised", { timeout: 120_000 }, () =>
    walkThrough(`${EXAMPLE}/server.ts`),
  );

  browseShop(`${EXAMPLE}/server.ts`);

  test(
    "the shop upon React Router has the types that the framework generates",
    { timeout: 120_000 },
    async () => {
      const { code, output } = await runIn(EXAMPLE, "npm", ["run", "check"]);
      expect(code, output).toBe(0);
    },
  );
});

/** What the page shows of the framework's own files, which no compiler at the root knows. */
const TRIED = [
  `${EXAMPLE}/app/root.tsx`,
  `${EXAMPLE}/app/entry.server.tsx`,
  `${EXAMPLE}/app/sessions.server.ts`,
  `${EXAMPLE}/app/routes/shop.tsx`,
  `${EXAMPLE}/app/routes/tide.tsx`,
  "test/frameworks/react-router/app/routes/legacy.tsx",
];

test("what the page shows of an application is taken from one that is tried", () => {
  const files = TRIED.map((file) => readFileSync(join(ROOT, file), "utf8"));
  const shown = blocksOf("docs/adapters/react-router.md").filter(({ language }) => language === "tsx");
  expect(shown.length).toBeGreaterThan(4);
  for (const { code, line } of shown) {
    expect(
      files.some((file) => file.includes(code)),
      `line ${line}`,
    ).toBe(true);
  }
});
