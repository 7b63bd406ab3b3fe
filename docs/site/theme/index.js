// Copyright wsclose contributors
// SPDX-License-Identifier: BSL-1.0

import theme from 'vitepress/theme-without-fonts'
import BehaviourFilter from './BehaviourFilter.vue'
import './style.css'

export default {
  extends: theme,
  enhanceApp: ({ app }) => app.component('BehaviourFilter', BehaviourFilter),
}
