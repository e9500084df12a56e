import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "undici";

/** The Chromium that tests drive; undefined where there is none. */
export const chromium = [process.env.PREFIXLAB_CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** One page of a headless Chromium, driven over its DevTools protocol. */
export interface ChromiumPage {
  goto(url: string): Promise<void>;
  /** Evaluates an expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
  /** Evaluates until the expression is truthy. */
  waitFor(expression: string, timeoutMs: number): Promise<void>;
  /** Clicks in the middle of the element that an expression gives, as a person would. */
  click(element: string): Promise<void>;
  screenshot(file: string): Promise<void>;
  /** Addresses that it asked for, its own among them. */
  readonly requests: readonly string[];
  /** What its console was told of errors, and what nobody caught. */
  readonly problems: readonly string[];
  /** Ends the browser with all its processes, and removes its profile. */
  close(): Promise<void>;
}

/** Starts a Chromium with one page. */
export async function openChromium(binary: string, width = 1400, height = 1600): Promise<ChromiumPage> {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  const browser = spawn(
    binary,
    [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const socket = new WebSocket(await devtoolsAddress(browser));
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  let next = 1;
  const requests: string[] = [];
  const problems: string[] = [];
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as {
      id?: number;
      result?: Record<string, unknown>;
      method?: string;
      params?: { request?: { url: string }; type?: string; entry?: { level: string } };
    };
    const { method, params = {} } = message;
    if (method === "Network.requestWillBeSent") requests.push(params.request?.url ?? "");
    const isProblem =
      method === "Runtime.exceptionThrown" ||
      (method === "Runtime.consoleAPICalled" && params.type === "error") ||
      (method === "Log.entryAdded" && params.entry?.level === "error");
    if (isProblem) problems.push(JSON.stringify(params).slice(0, 500));
    if (message.id !== undefined) waiting.get(message.id)?.(message.result ?? {});
  });
  let sessionId: string | undefined;
  const send = (method: string, params: object = {}) =>
    new Promise<Record<string, unknown>>((resolve) => {
      waiting.set(next, resolve);
      socket.send(
        JSON.stringify({ id: next++, method, params, ...(sessionId === undefined ? {} : { sessionId }) }),
      );
    });
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  ({ sessionId } = (await send("Target.attachToTarget", { targetId, flatten: true })) as {
    sessionId: string;
  });
  for (const domain of ["Network", "Runtime", "Log"]) await send(`${domain}.enable`);
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    return (result as { value?: T } | undefined)?.value as T;
  };
  return {
    requests,
    problems,
    async goto(url) {
      await send("Page.navigate", { url });
    },
    evaluate,
    async waitFor(expression, timeoutMs) {
      const until = Date.now() + timeoutMs;
      while (!(await evaluate(expression))) {
        if (Date.now() > until) throw new Error(`the page never came to: ${expression}`);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    },
    async click(element) {
      const [x, y] = await evaluate<[number, number]>(
        `(() => { const r = (${element}).getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`,
      );
      for (const type of ["mousePressed", "mouseReleased"])
        await send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    },
    async screenshot(file) {
      const { data } = await send("Page.captureScreenshot", { format: "png" });
      writeFileSync(file, Buffer.from(String(data), "base64"));
    },
    async close() {
      const ended = once(browser, "exit");
      const patience = setTimeout(() => browser.kill("SIGKILL"), 10_000);
      send("Browser.close");
      await ended;
      clearTimeout(patience);
      // Its helper processes may write to the profile a moment longer than the browser lives.
      await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

function devtoolsAddress(browser: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    browser.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /DevTools listening on (ws:\S+)/.exec(text);
      if (found) resolve(found[1] as string);
    });
    browser.once("exit", () => reject(new Error(`Chromium ended: ${text.slice(-500)}`)));
  });
}
