import { expect, test } from "vitest";

import { Attachment } from "../../src/core/attachment.ts";

test.each([
  ["an ordinary object", {}],
  ["a frozen object, which takes no property", Object.freeze({})],
])("%s keeps a value of each attachment on its own, until it is taken off", (_name, object) => {
  const one = new Attachment<number>("one");
  const other = new Attachment<number>("other");
  expect(one.get(object)).toBeUndefined();
  one.set(object, 1);
  other.set(object, 2);
  expect([one.get(object), other.get(object), one.get({})]).toEqual([1, 2, undefined]);
  one.delete(object);
  expect([one.get(object), other.get(object)]).toEqual([undefined, 2]);
});
