import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { bytesOf, publicKeyOf } from "../../src/bound/keys.ts";
import { judgeRefresh, judgeRegistration } from "../../src/bound/proof.ts";
import {
  type DeviceKey,
  encoded,
  newKey,
  refreshProof,
  registrationProof,
  signed,
} from "./support/signing.ts";

const BOTH = ["ES256", "RS256"] as const;
let curve: DeviceKey;
let other: DeviceKey;
let rsa: DeviceKey;
let weak: DeviceKey;
beforeAll(async () => {
  [curve, other, rsa, weak] = await Promise.all([newKey(), newKey(), newKey("RS256"), newKey("RS256", 1024)]);
});

const faultOf = async (text: string, allowed: readonly ("ES256" | "RS256")[] = BOTH) =>
  (await judgeRegistration(text, allowed)).fault;

describe("the proof of a registration", () => {
  test("is good when its own key signed it", async () => {
    for (const key of [curve, rsa]) {
      const judged = await judgeRegistration(
        await registrationProof(key, { jti: "c", authorization: "a" }),
        BOTH,
      );
      expect(judged).toEqual({
        fault: null,
        proof: { challenge: "c", authorization: "a", algorithm: key.algorithm, key: key.jwk },
      });
    }
  });

  test("gives the key's public part alone, whatever else the browser says of it", async () => {
    const jwk = { ...curve.jwk, kid: "x", ext: true, key_ops: ["sign"] };
    const judged = await judgeRegistration(await registrationProof(curve, { jti: "c" }, { jwk }), BOTH);
    expect(judged).toMatchObject({ fault: null, proof: { key: curve.jwk, authorization: null } });
  });

  test("needs a form, of three parts in base64url and not too long", async () => {
    const good = await registrationProof(curve, { jti: "c" });
    const [head = "", payload = "", tail = ""] = good.split(".");
    for (const text of [
      "",
      "..",
      `${head}.${payload}`,
      `${good}.x`,
      `${head}=.${payload}.${tail}`,
      `${encoded("[]")}.${payload}.${tail}`,
      `${encoded("{half")}.${payload}.${tail}`,
      `${Buffer.from([0xff]).toString("base64url")}.${payload}.${tail}`,
      await registrationProof(curve, { jti: "c", pad: "x".repeat(6144) }),
    ])
      expect(await faultOf(text)).toBe("form");
  });

  test("is of its type, so that no other token of the site passes for one (ASVS 9.2.2)", async () => {
    for (const typ of [undefined, "JWT", "dpop+jwt", "DBSC+JWT"])
      expect(await faultOf(await registrationProof(curve, { jti: "c" }, { typ }))).toBe("type");
  });

  test("uses an algorithm of the list, never none (ASVS 9.1.2)", async () => {
    const none = (alg: string) =>
      `${encoded({ typ: "dbsc+jwt", alg, jwk: curve.jwk })}.${encoded({ jti: "c" })}.`;
    for (const alg of ["none", "None", "HS256", "", "ES256"]) {
      expect(await faultOf(none(alg))).toBe(alg === "ES256" ? "signature" : "algorithm");
    }
    expect(await faultOf(await registrationProof(rsa, { jti: "c" }), ["ES256"])).toBe("algorithm");
    expect(await faultOf(await registrationProof(curve, { jti: "c" }, { crit: ["b64"] }))).toBe("algorithm");
  });

  test("brings a key that fits the algorithm, and is long enough", async () => {
    const faults: [DeviceKey, object][] = [
      [curve, { jwk: undefined }],
      [curve, { jwk: rsa.jwk }],
      [curve, { jwk: { ...curve.jwk, crv: "P-384" } }],
      [curve, { jwk: { ...curve.jwk, x: "short" } }],
      [curve, { jwk: { ...curve.jwk, d: "A".repeat(43) } }],
      [curve, { jwk: { kty: "oct", k: "A".repeat(43) } }],
      [rsa, { jwk: { ...rsa.jwk, e: "AQ" } }],
      [rsa, { jwk: { ...rsa.jwk, e: "AAAA" } }],
      [rsa, { jwk: { ...rsa.jwk, n: `${rsa.jwk.n}`.repeat(3) } }],
      [weak, {}],
    ];
    for (const [key, header] of faults)
      expect(await faultOf(await registrationProof(key, { jti: "c" }, header))).toBe("key");
  });

  test("is signed by that very key, over these very bytes", async () => {
    const good = await registrationProof(curve, { jti: "c" });
    const [head = "", payload = "", tail = ""] = good.split(".");
    const swapped = await registrationProof(curve, { jti: "c" }, { jwk: other.jwk });
    const offCurve = await registrationProof(curve, { jti: "c" }, { jwk: { ...curve.jwk, y: curve.jwk.x } });
    const der = Buffer.from(tail, "base64url").subarray(0, 63).toString("base64url");
    for (const text of [
      swapped,
      offCurve,
      `${head}.${encoded({ jti: "d" })}.${tail}`,
      `${head}.${payload}.${der}`,
      `${head}.${payload}.`,
      `${head}.${payload}.${Buffer.alloc(64).toString("base64url")}`,
    ])
      expect(await faultOf(text)).toBe("signature");
  });

  test("has texts for claims, of a length that a challenge can have", async () => {
    for (const payload of [
      {},
      { jti: 1 },
      { jti: "c".repeat(600) },
      { jti: "c", authorization: {} },
      [],
      "text",
      null,
    ])
      expect(
        await faultOf(await signed(curve, { typ: "dbsc+jwt", alg: "ES256", jwk: curve.jwk }, payload)),
      ).toBe("claims");
  });
});

describe("the proof of a refresh", () => {
  test("is judged by the registered key, whatever key it brings", async () => {
    const bound = { algorithm: "ES256", key: curve.jwk } as never;
    expect(await judgeRefresh(await refreshProof(curve, { jti: "c" }), bound)).toMatchObject({ fault: null });
    expect(await judgeRefresh(await registrationProof(other, { jti: "c" }), bound)).toEqual({
      fault: "signature",
    });
    expect(await judgeRefresh(await refreshProof(rsa, { jti: "c" }), bound)).toEqual({ fault: "algorithm" });
  });
});

test("judges take any text and never throw", async () => {
  const part = fc.oneof(fc.base64String(), fc.json().map(encoded), fc.string({ unit: "binary" }));
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (parts) => {
      expect((await judgeRegistration(parts.join("."), BOTH)).fault).not.toBe(null);
    }),
  );
});

test("keys take any value and never throw", () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect([publicKeyOf("ES256", value), publicKeyOf("RS256", value)]).toEqual([null, null]);
    }),
  );
});

test("base64url is what encodes to itself (RFC 4648, section 3.5)", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect([...(bytesOf(Buffer.from(bytes).toString("base64url")) ?? [])]).toEqual([...bytes]);
    }),
  );
  for (const text of ["A", "AB", "AA==", "A+", "A/", " AA", "AAB"]) expect(bytesOf(text)).toBe(null);
});
