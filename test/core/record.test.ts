import { expect, test } from "vitest";
import { judgeRecord, type SessionRecord, Token } from "../../src/index.ts";

const record: SessionRecord = {
  id: Token.mint().id,
  epoch: 1,
  version: 1,
  secretHash: "h",
  labels: ["user:1"],
  createdAt: 1,
  accessedAt: 1,
  expiresAt: 2,
  endsAt: 2,
  fields: { a: "1" },
};

test("a record is one", () => {
  expect(judgeRecord(record)).toBe("record");
  expect(judgeRecord({ ...record, secretHash: "", labels: [], fields: {}, more: "ignored" })).toBe("record");
  expect(judgeRecord(Object.assign(Object.create(null), record))).toBe("record");
});

test("whatever is not whole is corrupt", () => {
  for (const value of [
    undefined,
    null,
    0,
    "",
    "{}",
    true,
    Symbol("x"),
    1n,
    [],
    [record],
    {},
    () => record,
    new Map(),
  ])
    expect(judgeRecord(value)).toBe("corrupt");
  for (const name of Object.keys(record)) {
    const without: Record<string, unknown> = { ...record };
    delete without[name];
    expect(judgeRecord(without)).toBe("corrupt");
    const wrong: unknown[] = [
      null,
      undefined,
      true,
      () => 1,
      Symbol("x"),
      Number.NaN,
      1.5,
      Infinity,
      2 ** 53,
    ];
    for (const value of wrong) expect(judgeRecord({ ...record, [name]: value })).toBe("corrupt");
  }
  expect(judgeRecord({ ...record, fields: { a: 1 } })).toBe("corrupt");
  expect(judgeRecord({ ...record, fields: [] })).toBe("corrupt");
  expect(judgeRecord({ ...record, labels: "user:1" })).toBe("corrupt");
  expect(judgeRecord({ ...record, labels: [1] })).toBe("corrupt");
  expect(judgeRecord({ ...record, expiresAt: "2" })).toBe("corrupt");
  expect(judgeRecord({ ...record, epoch: 1n })).toBe("corrupt");
});

test("what a newer version wrote is newer, whatever else it changed", () => {
  for (const format of ["2", "10", "1.5", "1e9"]) {
    expect(judgeRecord({ ...record, fields: { "~format": format } })).toBe("newer");
    expect(judgeRecord({ fields: { "~format": format } })).toBe("newer");
  }
  for (const format of ["1", "0", "-1"])
    expect(judgeRecord({ ...record, fields: { "~format": format } })).toBe("record");
});

test("nothing makes the judgement throw", () => {
  const throwing = { ...record };
  Object.defineProperty(throwing, "fields", {
    get: () => {
      throw new Error("no");
    },
  });
  const fields = Object.defineProperty({}, "a", {
    enumerable: true,
    get: () => {
      throw new Error("no");
    },
  });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const value of [
    throwing,
    { ...record, fields },
    proxy,
    { ...record, fields: proxy },
    { ...record, labels: proxy },
  ])
    expect(judgeRecord(value)).toBe("corrupt");
});
