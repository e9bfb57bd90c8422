/** The page's style: system fonts, light and dark by what the reader's system prefers. */

export const PAGE_STYLE: string = `
:root {
  color-scheme: light dark;
  --back: #fcfcfb; --text: #1c1c1a; --muted: #66665f; --rule: #e3e2dc; --card: #f5f4f0;
  --ours: #0b62d6; --ioredis: #b45309; --autopipelining: #a16207; --promise-all: #78716c;
  --node-redis: #be123c; --glide: #047857; --iovalkey: #7c3aed; --neutral: #6b7280;
  --server: #8aa0b8; --good: #047857; --bad: #be123c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #161618; --text: #ececea; --muted: #a0a09a; --rule: #34343a; --card: #1f1f23;
    --ours: #6aa9ff; --ioredis: #f0a04b; --autopipelining: #d9b949; --promise-all: #b0a8a0;
    --node-redis: #fb7185; --glide: #4ade80; --iovalkey: #b794ff; --neutral: #9ca3af;
    --server: #5d7086; --good: #4ade80; --bad: #fb7185;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 60rem;
  background: var(--back); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, 'Segoe UI', sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .25rem; }
p { margin: .35rem 0 .9rem; max-width: 46rem; }
.lead { font-size: 1.1rem; }
.note, dl { color: var(--muted); font-size: .92rem; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
figure { margin: 1.25rem 0 2.25rem; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; }
svg text { fill: var(--text); font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; }
svg .tick, svg .small, svg .axis { fill: var(--muted); font-size: 12px; }
svg .ours { font-weight: 700; }
svg .value { font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .leader { stroke: var(--rule); stroke-width: 1; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--muted); }
th.left, td.left { text-align: left; white-space: normal; min-width: 8rem; }
tr.ours td { font-weight: 650; }
.reached { color: var(--good); font-weight: 600; } .missed { color: var(--bad); font-weight: 600; }
details { margin-top: 1rem; } summary { cursor: pointer; font-weight: 600; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .35em 0 .9em; }
`;
