// A browser without a window on the page of the collector: node browser.js CHROMIUM URL
//
// Clicks every button in every way that the page knows, waits until the page shows all events in the lake, leaves it, and
// comes back. Writes what the page shows, as JSON.

const { chromium } = require('playwright-core');

const [executablePath, url] = process.argv.slice(2);
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

async function main() {
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  page.setDefaultTimeout(30000);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (line) => line.type() === 'error' && errors.push(line.text()));
  await page.goto(url);
  let sent = 1;
  for (const way of ['post', 'pixel', 'beacon', 'segment']) {
    await page.locator(`input[value=${way}]`).check({ force: true });
    for (const event of ['search', 'wagon', 'identify', 'page', 'book']) {
      await page.locator(`[data-event=${event}]`).click();
      sent += 1;
    }
  }
  await page.waitForFunction((all) => document.getElementById('landed').textContent === String(all), sent);
  const numbers = await page.locator('.numbers dd').allTextContents();
  const rows = await shown(page);
  await page.locator('#rows tr').first().click();
  await page.waitForSelector('#trace[open]');
  const trace = { record: await page.locator('#trace-id').textContent(), raw: await page.locator('#trace-raw').textContent() };

  await page.goto('about:blank');
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById('rows').textContent.includes('page ping'));
  const left = (await shown(page)).filter((row) => row.name.startsWith('page ping'));
  await browser.close();
  process.stdout.write(JSON.stringify({ sent, numbers, rows, trace, left, errors }));
}

const shown = (page) =>
  page.locator('#rows tr').evaluateAll((lines) =>
    lines.map((line) => ({ ...line.dataset, name: line.children[1].textContent.trim(), mine: line.classList.contains('mine') })));

main().catch((error) => { console.error(error); process.exit(1); });
