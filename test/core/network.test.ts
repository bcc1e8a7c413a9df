import { expect, test } from "vitest";
import { networkOf, spelledOut } from "../../src/core/network.ts";

const SAME_NETWORK = [
  ["192.0.2.1", "192.0.2.254"],
  ["192.0.2.1", "::ffff:192.0.2.7"],
  ["192.0.2.1:4711", "192.0.2.9:80"],
  ["2001:db8:1:2::1", "2001:db8:1:2:aaaa:bbbb:cccc:dddd"],
  ["2001:DB8:1:2::1", "2001:0db8:0001:0002:0:0:0:2"],
  ["[2001:db8:1:2::1]:443", "2001:db8:1:2::9"],
  ["fe80::1%eth0", "fe80::2%eth1"],
  ["::", "::1"],
] as const;

test.each(SAME_NETWORK)("%s and %s are of one network", (one, other) => {
  expect(networkOf(one)).toBe(networkOf(other));
  expect(spelledOut(one)).not.toBe(spelledOut(other));
});

const OTHER_NETWORK = [
  ["192.0.2.1", "192.0.3.1"],
  ["192.0.2.1", "192.1.2.1"],
  ["1.2.3.4", "::1.2.3.4"],
  ["2001:db8:1:2::1", "2001:db8:1:3::1"],
  ["2001:db8:0:0:1::", "2001:db8:0:1::"],
  ["unknown", "hidden"],
  ["unix", "::"],
] as const;

test.each(OTHER_NETWORK)("%s and %s are not", (one, other) => {
  expect(networkOf(one)).not.toBe(networkOf(other));
});

test.each([
  ["192.0.2.1", "::ffff:192.0.2.1"],
  ["192.0.2.1", "0:0:0:0:0:FFFF:c000:0201"],
  ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1"],
  ["fe80::1", "fe80::1%eth0"],
  ["192.0.2.1", "192.0.2.1:8080"],
])("%s and %s are one address", (one, other) => {
  expect(spelledOut(one)).toBe(spelledOut(other));
});

test.each([
  "",
  "256.1.1.1",
  "1.2.3",
  "1:2:3",
  "1::2::3",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "g::",
  ":::",
  "[::1",
])("what is no address is a text: %j", (text) => {
  expect(networkOf(text)).toBe(text);
  expect(spelledOut(text)).toBe(text);
});
