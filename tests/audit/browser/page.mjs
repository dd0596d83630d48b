// Drives a report of `changegate audit` in headless Chromium: nothing is asked of a network, nothing is written into
// the console, no text of a change runs, the filter and the page of a change work by mouse and keyboard, and axe finds
// nothing serious, in both colour schemes.
//
//   node page.mjs CHROMIUM REPORT.html [FOLDER FOR SCREENSHOTS]
import { strict as assert } from "node:assert";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, report, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const address = pathToFileURL(resolve(report)).href;
if (pictures) mkdirSync(pictures, { recursive: true });

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const faults = [];

async function openPage(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) faults.push(`a request: ${request.url()}`);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(`the console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`an error: ${error.stack}`));
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  const start = performance.now();
  await page.goto(address, { waitUntil: "load" });
  return { page, opened: performance.now() - start };
}

async function takePicture(page, name, fullPage = false) {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
}

// axe is run by the test and not by the page, whose security policy allows no other script.
async function runAxe(page, what) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { resultTypes: ["violations"] }).then((found) => JSON.stringify(
      found.violations.map((one) => [one.impact, one.id, one.nodes.length, one.nodes[0].html.slice(0, 160),
        one.nodes[0].failureSummary])))`,
    awaitPromise: true,
    returnByValue: true,
  });
  assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
  const found = JSON.parse(result.value);
  for (const [impact, ...rest] of found) console.log(`axe, ${what}: ${impact}: ${rest.join(" | ")}`);
  const serious = found.filter(([impact]) => ["serious", "critical"].includes(impact));
  assert.equal(serious.length, 0, `axe finds something serious in ${what}`);
}

const visibleText = (page) => page.evaluate(() => document.body.innerText);

const { page, opened } = await openPage({ colorScheme: "light" });
const changes = await page.evaluate(() => JSON.parse(document.getElementById("facts").textContent).all);
console.log(`${changes} changes, opened in ${Math.round(opened)} ms`);
await takePicture(page, "light");
await takePicture(page, "light-full", true);

// Nothing that a commit says is markup or hidden.
assert.equal(await page.locator("img, iframe, object, embed, link, base").count(), 0);
assert.equal(await page.evaluate(() => document.scripts.length - document.querySelectorAll('script[type="application/json"]').length), 1);
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
assert.ok(!hidden.test(await visibleText(page)), "a character that cannot be seen");

// The keyboard reaches the report first, and then each part.
await page.keyboard.press("Tab");
assert.equal(await page.evaluate(() => document.activeElement.className), "skip");

if (changes > 0) {
  // The filter.
  const count = page.locator("#match-count");
  const all = await count.textContent();
  const author = await page.evaluate(() => document.querySelector("#log tbody td:nth-child(4)").textContent);
  const took = await page.evaluate((text) => {
    const field = document.getElementById("filter-text");
    const search = (value) => {
      field.value = value;
      const start = performance.now();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      // The layout counts too.
      document.body.getBoundingClientRect();
      return performance.now() - start;
    };
    // The first search makes the texts that it looks through. Of the others, the best of five: other programs run too.
    const first = search(text);
    const best = (value) => Math.min(...Array.from({ length: 5 }, () => search("") && search(value)));
    const times = [first, best("zzzzzz-nothing"), best(text.slice(0, 1)), best("1 e"), best(text)];
    return times;
  }, author);
  console.log(`filtered in ${took.map((time) => time.toFixed(1)).join(", ")} ms`);
  if (changes <= 10000) assert.ok(Math.max(...took.slice(1)) < 100, `the filter took ${took}`);
  assert.match(await count.textContent(), /^\d+ of \d+ changes match$/);
  const authors = await page.locator("#log tbody td:nth-child(4)").allTextContents();
  assert.ok(authors.length > 0);
  await page.fill("#filter-text", "zzzzzz-nothing");
  assert.match(await count.textContent(), /^0 of /);
  await page.click("#filter button[type=reset]");
  await page.waitForFunction((words) => document.getElementById("match-count").textContent === words, all);

  // Sorting by the keyboard, twice.
  const header = page.locator("#log thead th", { hasText: "Gate" });
  await header.locator("button").focus();
  await page.keyboard.press("Enter");
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  const shown = await page.locator("#log tbody td:nth-child(9)").allTextContents();
  assert.deepEqual(shown, [...shown].sort());
  await page.keyboard.press("Enter");
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  assert.equal(await page.locator("#log thead th[aria-sort]").count(), 1);
  await page.locator("#log").scrollIntoViewIfNeeded();
  await takePicture(page, "log");

  // The page of a change, and back.
  const link = page.locator("#log tbody a").first();
  await link.focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "change-title");
  assert.ok(await page.locator("#change caption", { hasText: "Timeline" }).isVisible());
  assert.ok(await page.locator("#change td", { hasText: /^(gate|committer, as claimed)$/ }).count() > 0);
  assert.ok(!(await page.locator("#summary").isVisible()));
  assert.ok(!hidden.test(await visibleText(page)));
  await takePicture(page, "change", true);
  await runAxe(page, "the page of a change");
  await page.click("#change-back");
  await page.locator("#log").waitFor();

  // A link of an exception leads to its change, and an address with a change opens there.
  const first = page.locator("#exceptions details[open] tbody a").first();
  if (await first.count() > 0) {
    // The page turns when the browser tells it of its new address, which may be after the click has ended.
    await first.click();
    await page.locator("#change-title").waitFor();
    await page.reload();
    await page.locator("#change-title").waitFor();
    await page.goBack();
  }
}
await page.goto(address);
await runAxe(page, "the light report");
await page.context().close();

const dark = await openPage({ colorScheme: "dark" });
await takePicture(dark.page, "dark");
await takePicture(dark.page, "dark-full", true);
await runAxe(dark.page, "the dark report");
await dark.page.context().close();

const narrow = await openPage({ colorScheme: "light", viewport: { width: 400, height: 800 } });
await takePicture(narrow.page, "narrow");
assert.ok(await narrow.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than a narrow window");
await narrow.page.context().close();

// Without its program, everything but the change log is there.
const plain = await browser.newContext({ javaScriptEnabled: false });
const still = await plain.newPage();
await still.goto(address);
assert.ok(await still.locator("#review").isVisible());
assert.ok(await still.locator("noscript p").count() === 1);
await plain.close();

if (pictures) {
  const print = await openPage({ colorScheme: "dark" });
  await print.page.pdf({ path: join(pictures, "print.pdf"), preferCSSPageSize: true, printBackground: true });
}
await browser.close();
assert.deepEqual(faults, []);
console.log("the page is in order");
