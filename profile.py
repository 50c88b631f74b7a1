import sys, yaml
from pathlib import Path
from tools import cost
from lab.policies.promql import metrics_by_clause
F=cost.FLEETS
rows=[]
for p in sorted(Path('alerting_policies').glob('*.yaml')):
    if cost.ONLY_FOR.get(p.stem,'function')!='function': continue
    d=yaml.safe_load(p.read_text())
    if d.get('enabled') is False: continue
    q=d['conditions'][0].get('conditionPrometheusQueryLanguage')
    if not q: continue
    iv=int(q['evaluationInterval'].rstrip('s'))
    ns=metrics_by_clause(q['query'])
    c=[cost.PRICES['condition'].total(len(ns))+cost.PRICES['read_points'].dollars*sum(cost.series(n,f) for n in ns)*cost.MONTH/iv/1e6 for f in F]
    rows.append((p.stem,iv,len(ns),*c))
    print(f"{p.stem:32} {iv:4} {len(ns):3} "+' '.join(f'{x:8.2f}' for x in c))
print(f"{'sum':32} {'':4} {sum(r[2] for r in rows):3} "+' '.join(f'{sum(r[i] for r in rows):8.2f}' for i in (3,4,5)))
