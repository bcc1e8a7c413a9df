import type { Browser, BrowserContext, Page } from "playwright-core";
import { localCertificate } from "./certificate.ts";
import { newDevice, startChromium } from "./chromium.ts";

/** What sites of these tests are served with, and Chromium is told to trust: it binds over trusted TLS alone. */
export const certificate: ReturnType<typeof localCertificate> = localCertificate();

/** Starts a Chromium that binds sessions, with keys in software where the machine has no chip for them. Names below `.example` are this machine. */
export async function startBindingChromium(...features: readonly string[]): Promise<Browser> {
  const bound = ["DeviceBoundSessions", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting"];
  return await startChromium([
    `--enable-features=${[...bound, ...features].join()}`,
    `--ignore-certificate-errors-spki-list=${certificate.fingerprint}`,
    "--host-resolver-rules=MAP *.example 127.0.0.1",
  ]);
}

/** What became of a registration, as the developer tools are told. */
export interface Registration {
  readonly succeeded: boolean;
  readonly result: string;
}

/** A device of its own and a page on it, whose every registration is told of. */
export async function bindingDevice(
  chromium: Browser,
  tell: (registration: Registration) => void,
): Promise<{ readonly device: BrowserContext; readonly page: Page }> {
  const device = await newDevice(chromium, {});
  const page = await device.newPage();
  const tools = await device.newCDPSession(page);
  tools.on("Network.deviceBoundSessionEventOccurred", ({ creationEventDetails, succeeded }) => {
    if (creationEventDetails !== undefined) tell({ succeeded, result: creationEventDetails.fetchResult });
  });
  await tools.send("Network.enable");
  await tools.send("Network.enableDeviceBoundSessions", { enable: true });
  return { device, page };
}
