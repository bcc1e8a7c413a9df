import { expect, test } from "vitest";
import { codeOf, recordsOf, rig, stored, visit } from "../races/rig.ts";

test("of two requests that take the only field of a session, one gets it and the other's commit fails", async () => {
  const where = rig();
  const cookie = await stored(where, { notice: "once" });
  const one = await visit(where, cookie);
  const other = await visit(where, cookie);
  expect(one.session.take("notice")).toBe("once");
  expect(other.session.take("notice")).toBe("once");
  await one.finish();
  expect(await codeOf(other.finish())).toBe("ERR_SESSION_GONE");
  expect(await recordsOf(where)).toHaveLength(0);
});

test("of two requests that delete the only field of a session, both are content", async () => {
  const where = rig();
  const cookie = await stored(where, { notice: "once" });
  const one = await visit(where, cookie);
  const other = await visit(where, cookie);
  one.session.delete("notice");
  other.session.delete("notice");
  await one.finish();
  await other.finish();
  expect(await recordsOf(where)).toHaveLength(0);
});
