// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

// The site is made with VitePress: its search knows the full text of the pages and of the reference, it needs no network and
// no server of its own, and what it writes is readable on a phone and in the dark. pages.py lays out what it reads.

import { readFileSync } from 'node:fs'

const read = name => JSON.parse(readFileSync(new URL(name, import.meta.url)))
const symbols = read('./symbols.json')

// Names of wsclose in prose become links to the reference. Short lower-case words, such as `close`, mean many things.
const place = text => {
  const name = text.replace(/^wsclose::/, '').replace(/\(.*\)$/s, '')
  const called = /^\w+\(/.test(text) || text.startsWith('wsclose::')
  return called || /[_:A-Z]/.test(name) || ['connection', 'reconnector', 'backoff', 'advise'].includes(name) ? symbols[name] : undefined
}

// Anchors as Git hosts make them, so that a link to one works there and here.
const slugify = text => text.toLowerCase().trim().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')

const linkNames = md => {
  const plain = md.renderer.rules.code_inline
  md.renderer.rules.code_inline = (tokens, index, options, env, self) => {
    const html = plain(tokens, index, options, env, self)
    const before = tokens.slice(0, index).map(token => token.type)
    const inLink = before.lastIndexOf('link_open') > before.lastIndexOf('link_close')
    const target = env.inHeading || inLink ? undefined : place(tokens[index].content)
    return target ? `<a class="name" href="${target.replace('#', '.html#')}">${html}</a>` : html
  }
  const inline = md.renderer.rules.heading_open ?? ((tokens, index, options, env, self) => self.renderToken(tokens, index, options))
  md.renderer.rules.heading_open = (tokens, index, options, env, self) => {
    env.inHeading = true
    return inline(tokens, index, options, env, self)
  }
  md.renderer.rules.heading_close = (tokens, index, options, env, self) => {
    env.inHeading = false
    return self.renderToken(tokens, index, options)
  }
}

export default {
  title: 'wsclose',
  description: 'How WebSocket connections end, in C++ programs on libwebsockets',
  lang: 'en',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  cleanUrls: false,
  lastUpdated: false,
  markdown: { config: linkNames, anchor: { slugify }, attrs: { leftDelimiter: '{%', rightDelimiter: '%}' }, languageAlias: { meson: 'python' } },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/guide' },
      { text: 'Causes', link: '/causes' },
      { text: 'What lws does', link: '/lws/' },
      { text: 'Reference', link: '/reference/' },
    ],
    sidebar: read('./sidebar.json'),
    outline: [2, 3],
    docFooter: { prev: false, next: false },
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          options: {
            // A name with underscores is one word, and its parts are words too.
            tokenize: text => {
              const words = text.split(/[^\p{L}\p{N}_]+/u)
              return [...words, ...words.filter(word => word.includes('_')).flatMap(word => word.split('_'))].filter(word => word)
            },
          },
          searchOptions: { combineWith: 'AND', fuzzy: term => (/[\d_]/.test(term) ? false : 0.2), prefix: true },
        },
      },
    },
  },
}
