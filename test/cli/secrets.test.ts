import { expect, test } from "vitest";
import { shownUrl, withoutSecrets, withPassword } from "../../src/cli/secrets.ts";
import { storeAddress } from "../../src/open-store/address.ts";
import { run } from "./support.ts";

test.each([
  [["list", "redis://shop:hunter22@localhost"], "REDISCLI_AUTH"],
  [["list", "--store", "postgres://shop:hunter22@localhost/shop"], "PGPASSWORD"],
  [["stats", "mysql://shop:hunter22@localhost/shop"], "MYSQL_PWD"],
  [["doctor", "postgres://localhost/shop?password=hunter22"], "PGPASSWORD"],
  [["migrate", "redis://:hunter22@localhost", "file:a.db", "--yes"], "HOLDFAST_FROM"],
  [["migrate", "file:a.db", "redis://:hunter22@localhost", "--yes"], "HOLDFAST_TO"],
])("%j: a password on the command line is refused, and not printed", async (args, variable) => {
  const { code, printed, complained } = await run(args);
  expect([code, printed]).toEqual([2, ""]);
  expect(complained).toContain(variable);
  expect(complained).not.toContain("hunter22");
});

test("a URL in the wrong place is not repeated with its password", async () => {
  for (const args of [
    ["redis://me:hunter22@host"],
    ["show"],
    ["list", "a", "redis://me:hunter22@host"],
    ["list", "--redis://me:hunter22@host"],
  ]) {
    const { code, printed, complained } = await run(args);
    expect([code, `${printed}${complained}`.includes("hunter22")]).toEqual([2, false]);
  }
});

test("the engine's own variable gives the password", () => {
  const environment = { REDISCLI_AUTH: "p@ss/word", MYSQL_PWD: "other" };
  expect(storeAddress(withPassword("redis://host:1/0?prefix=x", environment))).toMatchObject({
    password: "p@ss/word",
    hosts: [{ host: "host", port: 1 }],
  });
  expect(storeAddress(withPassword("redis+cluster://me@a:1,b:2", environment))).toMatchObject({
    username: "me",
    password: "p@ss/word",
  });
  expect(storeAddress(withPassword("mysql://me@host/d", environment)).password).toBe("other");
  expect(withPassword("mysql://me:own@host/d", environment)).toBe("mysql://me:own@host/d");
  expect(withPassword("file:a.db", environment)).toBe("file:a.db");
});

test("no password of a URL or a variable is printed, as it is written or as it is meant", () => {
  expect(shownUrl("postgres://me:se%40cret@host/d?sslmode=require&password=x")).toBe(
    "postgres://me@host/d?sslmode=require&password=…",
  );
  expect(shownUrl("redis://me:se@cret@host:1/0")).toBe("redis://me@host:1/0");
  expect(shownUrl("redis://:secret@host")).toBe("redis://host");
  expect(withoutSecrets("at redis://me:se@cret@host, redis://host:1 too", {})).toBe(
    "at redis://me:…@host, redis://host:1 too",
  );
  const environment = { HOLDFAST_STORE: "redis://me:se%40cret@host", PGPASSWORD: "hunter22" };
  expect(withoutSecrets("se%40cret se@cret hunter22 me", environment)).toBe("… … … me");
});
