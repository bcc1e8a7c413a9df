import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A certificate of a server on this machine that nobody vouches for, made anew for each run. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** What Chromium's `--ignore-certificate-errors-spki-list` takes: it then counts as any good certificate does. */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;
const OID = {
  commonName: "550403",
  ecdsaWithSha256: "2a8648ce3d040302",
  subjectAltName: "551d11",
};

/** Makes a self-signed certificate for `localhost` (X.509 version 3, RFC 5280, section 4.1), good for a day. */
export function localCertificate(): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const body = toBeSigned(spki);
  const cert = sequence(body, algorithm(), bits(signature(body, privateKey)));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
    fingerprint: createHash("sha256").update(spki).digest("base64"),
  };
}

function toBeSigned(spki: Buffer): Buffer {
  const now = Date.now();
  const name = sequence(tagged(0x31, sequence(oid(OID.commonName), tagged(0x0c, Buffer.from("localhost")))));
  const validity = sequence(time(now - DAY_MS), time(now + DAY_MS));
  const names = sequence(tagged(0x82, Buffer.from("localhost")));
  const extensions = sequence(sequence(oid(OID.subjectAltName), tagged(0x04, names)));
  const version = tagged(0xa0, tagged(0x02, Buffer.from([2])));
  const serial = tagged(0x02, Buffer.from([1]));
  return sequence(version, serial, algorithm(), name, validity, name, spki, tagged(0xa3, extensions));
}

function signature(body: Buffer, key: KeyObject): Buffer {
  return sign("sha256", body, key);
}

function algorithm(): Buffer {
  return sequence(oid(OID.ecdsaWithSha256));
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function bits(content: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), content]));
}

function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** One value of DER: a tag, the length, the content. */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
