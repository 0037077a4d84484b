import { Html } from './html.js';

/** The page's look: one set of colours for light, one for dark; charts take theirs from it too. */
export const style = new Html(`
:root{--back:#fff;--text:#1b1f24;--muted:#57606a;--line:#d5dae0;--soft:#f4f6f8;--link:#0b57b4;--good:#19692c;--bad:#b3261e;--wait:#8a5a00;
--c1:#1f5fbf;--c2:#b8480c;--c3:#0b756c;--c4:#8430cf;--c5:#b0196a;--c6:#4d6b08}
@media (prefers-color-scheme:dark){:root{--back:#14171b;--text:#e6e8eb;--muted:#a5adb8;--line:#363c44;--soft:#1d2127;--link:#8ab8ff;--good:#7bd88f;--bad:#ff9c93;--wait:#f0c060;
--c1:#7ab3ff;--c2:#ff9d5c;--c3:#4fd1c1;--c4:#c79bff;--c5:#ff8ac2;--c6:#a8d65c}}
*{box-sizing:border-box}
html{background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:78rem;padding:1rem;overflow-wrap:anywhere}
a{color:var(--link)}
h1{font-size:1.7rem;line-height:1.2;margin:.1rem 0 .4rem}
h2{font-size:1.3rem;margin:0 0 .8rem;padding-top:1.6rem;border-top:2px solid var(--line)}
h3{font-size:1.08rem;margin:1.5rem 0 .5rem}
h4{font-size:.95rem;margin:1.1rem 0 .4rem}
h3 small,figcaption small{font-weight:400;color:var(--muted)}
p{margin:.4rem 0}
.kind,.small{color:var(--muted);font-size:.88rem;margin:0}
.status{display:inline-block;font-weight:600;padding:.05rem .6rem;border-radius:1rem;border:1.5px solid currentColor;color:var(--wait)}
.status.ok{color:var(--good)}.status.failed{color:var(--bad)}
.good{color:var(--good)}.bad{color:var(--bad)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem .9rem;list-style:none;margin:.8rem 0 0;padding:0}
nav a{display:inline-block;padding:.2rem 0}
section{margin-top:1.6rem}
.scroll{overflow-x:auto;max-width:100%;margin:.4rem 0 .8rem}
table{border-collapse:collapse;font-size:.88rem;line-height:1.35}
th,td{padding:.3rem .7rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:normal;max-width:34rem;white-space:pre-line}
th{font-weight:600}
tbody th{font-weight:500}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.matrix th,.matrix td{padding:.35rem .6rem}
.notes{color:var(--muted);font-size:.86rem;padding-left:1.1rem;margin:.2rem 0 .8rem}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,21rem),1fr));gap:1.1rem 1.4rem;margin:.6rem 0 1rem;align-items:start}
figure{margin:0;min-width:0}
figcaption{font-weight:600;font-size:.9rem;margin-bottom:.2rem}
figure>svg{display:block;width:100%;max-width:32rem;height:auto}
.key{display:flex;flex-wrap:wrap;gap:.1rem .9rem;list-style:none;margin:.2rem 0;padding:0;font-size:.84rem}
.key i{display:inline-block;width:1.5rem;margin-right:.35rem;vertical-align:middle}
details{margin:.35rem 0}
summary{cursor:pointer;color:var(--link);font-size:.88rem;padding:.15rem 0}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.5rem 1.4rem;margin:.5rem 0}
dl.wide{grid-template-columns:1fr}
dt{color:var(--muted);font-size:.82rem}
dd{margin:0;white-space:pre-line}
pre,code{font:.84rem/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.8rem;overflow-x:auto;border-radius:.4rem}
blockquote{margin:.4rem 0;padding-left:.8rem;border-left:3px solid var(--line);white-space:pre-line}
.problems{padding-left:1.1rem}
.dag{display:block;max-width:none;font-size:12px}
.dag text{fill:var(--muted)}.dag .id{fill:var(--text);font-weight:600}
.dag rect{fill:var(--soft);stroke:var(--muted);stroke-width:1.2}
.dag .edge{fill:none;stroke:var(--muted);stroke-width:1.2}
.dag marker path{fill:var(--muted)}
.dag .done rect{stroke:var(--good)}.dag .cached rect{stroke:var(--good);stroke-dasharray:4 3}
.dag .failed rect{stroke:var(--bad);stroke-width:2}.dag .running rect{stroke:var(--c1);stroke-width:2}
.dag .skipped rect,.dag .waiting rect{stroke-dasharray:2 3}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
@media print{.scroll{overflow:visible}nav{display:none}}
`);
