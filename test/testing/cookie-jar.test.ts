import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { cookieJar, manualClock, type CookieJar } from "../../src/testing/index.ts";

const SITE = "https://app.example/";

function jarWith(lines: readonly string[], url: string = SITE): CookieJar {
  const jar = cookieJar({ clock: manualClock() });
  jar.take(lines, url);
  return jar;
}

describe("a cookie jar", () => {
  test("sends back what it was given, and nothing when it has nothing", () => {
    assert.equal(cookieJar().header(SITE), undefined);
    assert.equal(
      jarWith(["a=1; Path=/", "b=x=y; Path=/", 'c="q"; Path=/']).header(SITE),
      'a=1; b=x=y; c="q"',
    );
  });

  test("replaces a cookie of the same name, host and path, which keeps its turn", () => {
    const jar = jarWith(["a=1; Path=/", "b=2; Path=/"]);
    jar.take(["a=3; Path=/"], SITE);
    assert.equal(jar.header(SITE), "a=3; b=2");
    assert.equal(jar.value("a"), "3");
  });

  test("ignores lines that a browser ignores", () => {
    const long = "x".repeat(4096);
    const jar = jarWith(["", "=", ";Path=/", "a=\u0000", "b=1\r\nc: 2", `d=${long}`, " ; Secure"]);
    assert.deepEqual(jar.cookies(), []);
    assert.equal(jarWith([`${"n".repeat(96)}=${"v".repeat(4000)}`]).cookies().length, 1);
  });

  test("ends a cookie by Max-Age, which comes before Expires, and by Expires", () => {
    const clock = manualClock(Date.UTC(2030, 0, 1));
    const jar = cookieJar({ clock });
    const past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    jar.take(
      [`a=1; Max-Age=10; ${past}`, "b=2; Expires=Tue, 01 Jan 2030 00:00:20 GMT", "c=3", `d=4; ${past}`],
      SITE,
    );
    assert.equal(jar.header(SITE), "a=1; b=2; c=3");
    clock.advance(9_999);
    assert.equal(jar.header(SITE), "a=1; b=2; c=3");
    clock.advance(1);
    assert.equal(jar.header(SITE), "b=2; c=3");
    clock.advance(10_000);
    assert.equal(jar.header(SITE), "c=3");
    jar.endBrowserSession();
    assert.equal(jar.header(SITE), undefined);
  });

  test("erases at once what is revoked, and only with the same name, host and path", () => {
    const jar = jarWith(["a=1; Path=/", "a=2; Path=/deep"]);
    jar.take(["a=; Path=/other; Max-Age=0"], SITE);
    assert.equal(jar.cookies().length, 2);
    jar.take(["a=; Path=/; Max-Age=0", "a=; Path=/deep; Max-Age=-1"], SITE);
    assert.deepEqual(jar.cookies(), []);
  });

  test("keeps no cookie longer than 400 days", () => {
    const clock = manualClock();
    const jar = cookieJar({ clock });
    jar.take([`a=1; Max-Age=${"9".repeat(30)}`], SITE);
    clock.advance(400 * 86_400_000 - 1);
    assert.equal(jar.header(SITE), "a=1");
    clock.advance(1);
    assert.equal(jar.header(SITE), undefined);
  });

  test("sends a cookie without a domain to its host only, and one with a domain below it too", () => {
    const jar = jarWith(["own=1; Path=/", "all=2; Path=/; Domain=.Example.com"], "https://www.example.com/");
    assert.equal(jar.header("https://www.example.com/"), "own=1; all=2");
    assert.equal(jar.header("https://example.com/"), "all=2");
    assert.equal(jar.header("https://a.b.example.com/"), "all=2");
    assert.equal(jar.header("https://badexample.com/"), undefined);
  });

  test("refuses a domain that the host does not belong to", () => {
    assert.deepEqual(jarWith(["a=1; Domain=other.example", "b=1; Domain=www.app.example"]).cookies(), []);
    assert.deepEqual(jarWith(["a=1; Domain=0.0.1"], "http://127.0.0.1/").cookies(), []);
  });

  test("sends a cookie to its path and below, whole names only; longer paths come first", () => {
    const jar = jarWith(["root=1; Path=/", "shop=2; Path=/shop", "deep=3; Path=/shop/cart/"]);
    assert.equal(jar.header("https://app.example/shop"), "shop=2; root=1");
    assert.equal(jar.header("https://app.example/shop/cart/1"), "deep=3; shop=2; root=1");
    assert.equal(jar.header("https://app.example/shopping"), "root=1");
  });

  test("takes the folder of the request as the path where none, or none that begins with a slash, is given", () => {
    const jar = jarWith(["a=1", "b=2; Path=x"], "https://app.example/shop/cart/view?x=/y/");
    assert.deepEqual(
      jar.cookies().map(({ path }) => path),
      ["/shop/cart", "/shop/cart"],
    );
    assert.equal(jarWith(["a=1"], "https://app.example/shop").cookies()[0]?.path, "/");
  });

  test("keeps Secure cookies for https and for this machine, as Chromium does", () => {
    for (const host of ["localhost:8080", "127.0.0.1:3000", "127.1.2.3", "[::1]:80", "app.localhost"]) {
      const jar = jarWith(["__Host-Http-sid=1; Path=/; Secure; HttpOnly"], `http://${host}/`);
      assert.equal(jar.header(`http://${host}/x`), "__Host-Http-sid=1", host);
    }
    assert.deepEqual(jarWith(["a=1; Secure"], "http://app.example/").cookies(), []);
    const jar = jarWith(["a=1; Secure; Path=/", "b=2; Path=/"]);
    assert.equal(jar.header("http://app.example/"), "b=2");
    assert.equal(jar.header("wss://app.example/"), "a=1; b=2");
  });

  test("leaves a Secure cookie alone when an insecure page sets one of its name", () => {
    const jar = jarWith(["sid=good; Secure; Path=/"]);
    jar.take(["sid=evil; Path=/", "sid=evil; Path=/login", "sid=; Path=/; Max-Age=0"], "http://app.example/");
    assert.equal(jar.header(SITE), "sid=good");
    jar.take(["sid=evil; Path=/; Domain=example.com"], "http://www.example.com/");
    assert.equal(jar.header(SITE), "sid=good");
  });

  test("holds names to the promises of their prefixes, whatever their case", () => {
    const good = [
      "__Secure-a=1; Secure",
      "__Host-a=1; Secure; Path=/",
      "__Http-a=1; Secure; HttpOnly",
      "__Host-Http-a=1; Secure; HttpOnly; Path=/",
    ];
    for (const line of good) assert.equal(jarWith([line]).cookies().length, 1, line);
    const bad = [
      "__Secure-a=1",
      "__secure-a=1",
      "__Host-a=1; Path=/",
      "__Host-a=1; Secure",
      "__Host-a=1; Secure; Path=/shop",
      "__HOST-a=1; Secure; Path=/; Domain=app.example",
      "__Http-a=1; Secure",
      "__Http-a=1; HttpOnly",
      "__Host-Http-a=1; Secure; Path=/",
      "__Host-Http-a=1; Secure; HttpOnly",
      "=__Host-a=1; Secure; Path=/",
      "__Secure-a",
    ];
    for (const line of bad) assert.deepEqual(jarWith([line]).cookies(), [], line);
  });

  test("refuses SameSite=None and Partitioned without Secure", () => {
    assert.deepEqual(jarWith(["a=1; SameSite=None", "b=1; Partitioned"]).cookies(), []);
    assert.equal(jarWith(["a=1; SameSite=none; Secure", "b=1; Partitioned; Secure"]).cookies().length, 2);
  });

  test("lets the last of several attributes of one name count", () => {
    assert.equal(jarWith(["a=1; Path=/one; Path=/two"]).cookies()[0]?.path, "/two");
  });
});
