import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";
import { checkSchemas, validate } from "../../src/core/schema.ts";
import { SessionError } from "../../src/index.ts";

test("schemas of zod and valibot are taken, and answer", () => {
  const schemas = {
    zod: z.object({ n: z.number() }),
    mini: z.string().default("x"),
    valibot: v.optional(v.pipe(v.string(), v.trim()), "x"),
    lazy: z.lazy(() => z.string()),
  };
  expect(() => checkSchemas(schemas)).not.toThrow();
  expect(validate("zod", schemas.zod, { n: 1 })).toEqual({ valid: true, value: { n: 1 } });
  expect(validate("zod", schemas.zod, { n: "1" })).toEqual({ valid: false });
  expect(validate("mini", schemas.mini, undefined)).toEqual({ valid: true, value: "x" });
  expect(validate("valibot", schemas.valibot, " y ")).toEqual({ valid: true, value: "y" });
});

test("a schema that throws at the question of construction is taken: it may throw at nonsense alone", () => {
  const schema = z.string().transform((text) => text.toUpperCase());
  const throwing = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate(value: unknown) {
        if (value === undefined) throw new Error("no");
        return { value };
      },
    },
  };
  expect(() => checkSchemas({ schema, throwing })).not.toThrow();
  expect(validate("throwing", throwing, undefined)).toEqual({ valid: false });
});

test("an asynchronous schema that construction could not see through says so when it answers", () => {
  const schema = z.object({ a: z.string() }).refine(async () => true);
  expect(() => checkSchemas({ coupon: schema })).not.toThrow();
  expect(() => validate("coupon", schema, { a: "x" })).toThrow(SessionError);
  expect(() => validate("coupon", schema, { a: "x" })).toThrow(/fields\.coupon.*synchronous/);
});
