// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// Opens every page of the site in Chromium, as a phone shows it, and follows every link:
// check.mjs SITE NODE_MODULES [PICTURES]. It fails on a dead link, a missing anchor or picture, an error in the
// console, a request to another host, a page wider than the screen, a search that does not find what it should, a
// filter that does not filter, and colours that do not change in the dark. With PICTURES, it keeps a picture of each
// page there: light, dark and on a phone.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { extname, join, relative, resolve } from 'node:path'

const [site, modules, pictures] = process.argv.slice(2).map(path => resolve(path))
const { chromium } = createRequire(join(modules, '/'))('playwright-core')
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' }
const must = {
  // what a stranger looks for, and a page that must be among the answers
  1006: 'causes.html',
  close_timeout: 'guide.html',
  connection_ref: 'reference/lws/connection.html',
  GOAWAY: null, // nothing: so a search that answers anything would be noticed
}

const problems = []
const report = (page, what) => problems.push(`${page}: ${what}`)

const server = createServer((request, response) => {
  const path = join(site, decodeURIComponent(new URL(request.url, 'http://host').pathname))
  try {
    const file = statSync(path).isDirectory() ? join(path, 'index.html') : path
    const body = readFileSync(file)
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' }).end(body)
  } catch {
    response.writeHead(404).end()
  }
})
await new Promise(done => server.listen(0, '127.0.0.1', done))
const host = `http://127.0.0.1:${server.address().port}`

const profile = mkdtempSync(join(tmpdir(), 'wsclose-site-'))
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  viewport: { width: 360, height: 740 },
})

const open = async () => {
  const tab = await browser.newPage()
  tab.name = ''
  tab.on('pageerror', error => report(tab.name, `error: ${error.message}`))
  tab.on('console', message => message.type() === 'error' && report(tab.name, `error in the console: ${message.text()}`))
  tab.on('request', request => /^https?:/.test(request.url()) && !request.url().startsWith(host) && report(tab.name, `asks ${request.url()}`))
  tab.on('response', response => response.status() >= 400 && report(tab.name, `${response.status()} for ${response.url()}`))
  return tab
}
const go = async (tab, name) => {
  tab.name = name
  await tab.goto(`${host}/${name}`, { waitUntil: 'load' })
  await tab.waitForFunction(() => document.querySelector('#app')?.__vue_app__)
}

const names = readdirSync(site, { recursive: true }).filter(name => name.endsWith('.html')).sort()
const ids = new Map()
const links = []

const visit = async (tab, name) => {
  await go(tab, name)
  const seen = await tab.evaluate(() => {
    const visible = element => element.getBoundingClientRect().width > 0
    const scrolls = element => element && (/auto|scroll/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement))
    const wide = [...document.querySelectorAll('body *')].find(element => visible(element) &&
      element.getBoundingClientRect().right + scrollX > innerWidth + 1 && !scrolls(element) && !element.ownerSVGElement)
    return {
      ids: [...document.querySelectorAll('[id]')].map(element => element.id),
      links: [...document.querySelectorAll('a[href]')].map(link => link.href),
      pictures: [...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src),
      scroll: document.documentElement.scrollWidth,
      wide: wide && `${wide.tagName.toLowerCase()}.${wide.className?.baseVal ?? wide.className}: ${wide.textContent.slice(0, 40)}`,
      words: document.body.innerText.split(/\s+/).length,
    }
  })
  ids.set(name, new Set(seen.ids))
  links.push(...seen.links.map(link => [name, link]))
  seen.pictures.forEach(picture => report(name, `no picture: ${picture}`))
  if (seen.scroll > 360)
    report(name, `is ${seen.scroll} pixels wide on a phone of 360`)
  if (seen.wide)
    report(name, `reaches over the edge of a phone: ${seen.wide}`)
  if (seen.words < 20)
    report(name, 'is empty')
}

const queue = [...names]
await Promise.all(Array.from({ length: 3 }, async () => {
  const tab = await open()
  while (queue.length)
    await visit(tab, queue.shift())
  await tab.close()
}))

for (const [from, link] of links.filter(([, link]) => link.startsWith(host))) {
  const url = new URL(link)
  let name = relative('/', decodeURIComponent(url.pathname))
  if (name === '' || url.pathname.endsWith('/'))
    name = join(name, 'index.html')
  if (!ids.has(name) && extname(name) !== '.html' && statSync(join(site, name), { throwIfNoEntry: false })?.isFile())
    continue // a file to download
  if (!ids.has(name))
    report(from, `dead link: ${url.pathname}`)
  else if (url.hash && !ids.get(name).has(decodeURIComponent(url.hash.slice(1))))
    report(from, `no such anchor: ${url.pathname}${url.hash}`)
}

const tab = await open()
await tab.setViewportSize({ width: 1280, height: 900 })
for (const [query, wanted] of Object.entries(must)) {
  await go(tab, 'index.html')
  await tab.evaluate(() => sessionStorage.clear()) // which keeps the last search
  await tab.click('.DocSearch-Button')
  await tab.fill('.VPLocalSearchBox input', query)
  await tab.waitForSelector('.VPLocalSearchBox .result, .VPLocalSearchBox .no-results')
  const found = await tab.$$eval('.VPLocalSearchBox a.result', results => results.map(result => result.getAttribute('href')))
  if (wanted ? !found.some(href => href.includes(wanted)) : found.length)
    report('search', `${query}: ${wanted ? `${wanted} is not among` : 'there should be nothing, not'} ${found.join(' ') || 'nothing'}`)
}

const colours = async () => tab.evaluate(() => {
  const style = getComputedStyle(document.querySelector('.vp-doc') ?? document.body)
  return [getComputedStyle(document.body).backgroundColor, style.color].join(' on ')
})
await go(tab, 'guide.html')
const light = await colours()
await tab.emulateMedia({ colorScheme: 'dark' })
await go(tab, 'guide.html')
const dark = await colours()
if (light === dark)
  report('dark mode', `the colours stay ${light}`)
await tab.emulateMedia({ colorScheme: 'light' })

// What lws does can be narrowed down to a version and a role, and all of it comes back.
const routes = () => tab.$$eval('.route', all => all.filter(one => one.offsetParent).map(one => one.dataset.on))
await go(tab, 'lws/the-program-closes.html')
const all = await routes()
await tab.selectOption('select[aria-label="Version of lws"]', '5.0.0')
await tab.selectOption('select[aria-label="Role of lws"]', 'client')
const some = await routes()
if (!some.length || some.length >= all.length || some.some(on => !on.split(' ').includes('client-5.0.0')))
  report('lws/the-program-closes.html', `of ${all.length} routes, ${some.length} are said to be those of a client on 5.0.0`)
for (const select of await tab.$$('.filter select'))
  await select.selectOption('')
if ((await routes()).length !== all.length)
  report('lws/the-program-closes.html', 'the filter does not bring all routes back')

if (pictures) {
  mkdirSync(pictures, { recursive: true })
  for (const [kind, width, colorScheme] of [['light', 1280, 'light'], ['dark', 1280, 'dark'], ['phone', 360, 'light']]) {
    await tab.setViewportSize({ width, height: 900 })
    await tab.emulateMedia({ colorScheme })
    for (const name of names) {
      await go(tab, name)
      await tab.screenshot({ path: join(pictures, `${name.replaceAll('/', '_')}.${kind}.png`), fullPage: true })
    }
  }
}

await browser.close()
server.close()
rmSync(profile, { recursive: true, force: true })
console.log(problems.join('\n'))
console.log(`site: ${names.length} pages, ${links.length} links, ${problems.length} problems`)
process.exit(problems.length ? 1 : 0)
