import { expect, test } from "vitest";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";

test("the policy in force by default is this: a change of it is a decision", () => {
  const policy = new SessionManager({ store: memoryStore() }).describePolicy();
  expect(policy).toMatchInlineSnapshot(`
    {
      "clearSiteData": [
        "cookies",
        "storage",
      ],
      "concurrency": null,
      "cookie": {
        "domain": null,
        "httpOnly": true,
        "name": "__Host-Http-sid",
        "partitioned": false,
        "path": "/",
        "persistent": "only when remembered",
        "sameSite": "Lax",
        "secure": true,
      },
      "csrf": {
        "exemptions": false,
        "mode": "enforce",
        "silent": "allow",
        "trustedOrigins": [],
      },
      "extensions": [],
      "failure": {
        "deadlineMs": 2000,
        "endOnFailure": true,
        "onConflict": "last-wins",
        "onGone": "drop",
        "onStoreFailure": "fail",
      },
      "lifetime": {
        "absoluteMs": 2592000000,
        "accessTimeResolutionMs": 60000,
        "idleMs": 86400000,
        "onIdle": "end",
        "preset": null,
        "rememberMaxMs": 34560000000,
        "rotateEveryMs": null,
        "rotationGraceMs": 30000,
      },
      "limits": {
        "maxRecordBytes": 1048576,
      },
      "live": {
        "checkEveryMs": 30000,
        "giveUpAfterMs": 120000,
      },
      "moves": {
        "address": "network",
        "userAgent": "product",
      },
      "pepper": null,
      "seal": null,
      "store": {
        "abilities": [
          "listByLabel",
          "deleteByLabel",
          "all",
          "sweep",
          "setup",
          "subscribe",
          "close",
        ],
        "durability": "none",
        "expires": false,
        "resends": false,
        "shared": false,
        "sweepEveryMs": 600000,
      },
      "token": {
        "idBits": 144,
        "secretBits": 192,
        "storedAs": "SHA-256",
      },
    }
  `);
});

test("the policy is plain data that survives JSON, and changing it changes nothing", () => {
  const manager = new SessionManager({
    store: memoryStore(),
    preset: "aal2",
    cookie: { sameSite: "Strict" },
  });
  const policy = manager.describePolicy();
  expect(JSON.parse(JSON.stringify(policy))).toEqual(policy);
  (policy.cookie as { secure: boolean }).secure = false;
  (policy.lifetime as { idleMs: number }).idleMs = 1;
  (policy.store.abilities as string[]).length = 0;
  expect(manager.describePolicy()).toMatchObject({
    cookie: { secure: true },
    lifetime: { idleMs: 3_600_000 },
  });
  expect(manager.describePolicy().store.abilities).toContain("sweep");
});
