import assert from "node:assert/strict";
import { AtRest, resolveAtRest } from "../../../src/core/at-rest.ts";
import { nameProblem } from "../../../src/core/fields.ts";
import { Vault } from "../../../src/core/seal.ts";
import type { SessionRecord } from "../../../src/index.ts";
import { atRest } from "../../support/at-rest.ts";
import { GENUINE } from "../genuine.ts";
import { firstLine, NOW, TOKEN, type Target, unlessRefused } from "./target.ts";

const KEYS = atRest("a", "b");
const FIELD = "address";
/** What {@link GENUINE}'s seal was made of. */
const SEALED = '"Elmstreet 17"';

export const STORED_TARGETS: Readonly<Record<string, Target>> = {
  /** A sealed text; or two lines, the name of a field and what it holds, that are sealed here. */
  sealed(text) {
    const vault = vaultOf();
    // In its own place, in another's, and in another session.
    assert.equal(
      unlessRefused(() => opened(vault, FIELD, text), "ERR_SESSION_CORRUPT", "ERR_SESSION_FORMAT") ?? SEALED,
      SEALED,
    );
    if (text === GENUINE.sealed) assert.equal(opened(vault, FIELD, text), SEALED);
    const [name, value] = firstLine(text);
    for (const other of ["other", "~auth"])
      assert.equal(
        unlessRefused(() => opened(vault, other, text), "ERR_SESSION_CORRUPT", "ERR_SESSION_FORMAT"),
        undefined,
      );
    if (nameProblem(name) !== null || name.startsWith("~")) return;
    const stored = vault.seal(TOKEN.id, { [name]: value })[name] ?? "";
    // At rest a value does not show, whatever it is; one of some length cannot be there by chance.
    if (value.length > 12) assert.ok(!stored.includes(value));
    assert.equal(opened(vault, name, stored), value);
    const elsewhere = { ...recordWith(name, stored), id: "B".repeat(24) as SessionRecord["id"] };
    assert.equal(
      unlessRefused(() => vault.open(elsewhere), "ERR_SESSION_CORRUPT"),
      undefined,
    );
    assert.equal(
      unlessRefused(() => opened(vault, `${name}x`, stored), "ERR_SESSION_CORRUPT"),
      undefined,
    );
  },

  /** A stored hash of a secret. */
  pepper(text) {
    const { pepper } = new AtRest(resolveAtRest(undefined, KEYS.pepper));
    const verdict = pepper.judge(TOKEN, text);
    assert.equal(verdict === "match", text === GENUINE.hash);
    assert.equal(pepper.isStale(text), text !== "" && !text.startsWith("a."));
    assert.equal(verdict === "unpeppered", text !== "" && !text.includes("."));
    const other = pepper.judge(TOKEN.withNewSecret(), text);
    assert.notEqual(other, "match");

    const plain = new AtRest(resolveAtRest(undefined, undefined)).pepper;
    assert.equal(plain.judge(TOKEN, text) === "match", text === TOKEN.secretHash());
  },
};

function vaultOf(): Vault {
  const { seal } = resolveAtRest(KEYS.seal, undefined);
  assert.ok(seal !== null);
  return new Vault(seal);
}

function opened(vault: Vault, name: string, text: string): string | undefined {
  return vault.open(recordWith(name, text)).fields[name];
}

function recordWith(name: string, text: string): SessionRecord {
  return {
    id: TOKEN.id,
    epoch: 1,
    version: 1,
    secretHash: "",
    labels: [],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 1,
    endsAt: NOW + 1,
    fields: { [name]: text },
  };
}
