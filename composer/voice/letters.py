"""English letters to sounds by rule, for machines without Flite, and to count syllables before anybody sings.

The method is that of Elovitz, Johnson, McHugh and Shore, "Letter-to-sound rules for automatic translation of English
text to phonetics" (IEEE Trans. ASSP, 1976): for each place of a word the first rule that fits its left and right
context. The rules and the list of words that obey none are our own, written for what songs say.
"""

import re
from functools import lru_cache
from itertools import pairwise

from composer.voice.phones import VOWELS

_RULES = """
(^)a([bcdglmrv][aeiou]|cr|bl|fr|sl|wa|wh|shor|ston|par|sid|hea) ax
(^)a($) ax
()are($) eh r
()air() eh r
()ai() ey
()ay() ey
()augh() ao
()au() ao
()aw() ao
()al(k) ao
()al(m) aa
()all($|s|e|i) ao l
()al(t|d|w|r|s) ao l
(qu|w)ar() ao r
()ar([^aeiouyr]|$) aa r
([wq]u?)a(s|t|n[^gk]|l) aa
()a(nge) ey
()a(st(e|ing|ed|y)$) ey
([aeiouy].*)age($) ih jh
([aeiouy].*)able($) ax b ax l
([aeiouy].*)al(s?$) ax l
([aeiouy].*)ate(d|s|$) ey t
()a(th(e|i)) ey
()a([^aeiouyxwr]e(s|d|r|rs|n)?$) ey
()a([^aeiouyxwr](ing|ings|ion|ious|ia|y)$) ey
()a(ble|bles|cred|pri|dy$|by$|vy$|zy$|cy$) ey
([aeiouy].*)a($) ax
()a($) aa
()a([^aeiouy]?ee) ey
()a() ae
()bb() b
(m)b($|s$|e?d$|ing$) _
()b() b
()ch(r|l|oru|aos|oi) k
(s)ch(o|e) k
()tch() ch
()ch() ch
()ck() k
(^s|[^s]s)c([eiy]) _
()cc([eiy]) k s
()cc() k
()ci(a|o|e(nt)?) sh
()c([eiy]) s
()c() k
()dge() jh
()dg() jh
()dd() d
()d() d
()eau(t) y uw
()eau() ow
()eigh(t) ey
()eigh() ey
()eir() eh r
()ei() iy
()ey($|s$) iy
()eye() ay
()ew() uw
()eer() ih r
()ee() iy
()ear([nltc][^s]?) er
()ear($|s|i|e) ih r
()ea(d$|th$|ther|v[ye]n?|lth|ds|dy|dow|sure|ven) eh
()ea() iy
()eo(pl) iy
()ere($) ih r
()er([^aeiouy]|$) er
()err([aeiouy]) eh r
()er([aeiouy]) eh r
([td])ed($) ih d
([pkfsxc]|ch|sh|ss)ed($) t
([^aeiouy].*[^aeiouy]|[aeiouy].*)ed($) d
([sxz]|ch|sh|[cg])es($) ih z
([aeiouy].*[^aeiouys])es($) z
([ptkf]e)s($) s
([aeiouy].*[^aeiouyl])e($) _
([aeiouy].*[aeiouy])e($) _
([^aeiouy][bcdfgkpstz])le($) ax l
([aeiouy][bcdfgkpstz])le($) ax l
([aeiouy].*l)e($) _
(^[^aeiouy]*)e($) iy
([aeiouy].*[^aeiouy])e(ly$|ful|less|ment|ness) _
([aeiouy].*)en($|s$) ax n
([aeiouy].*)e(l$|ls$|t$|ts$|nt|nce) ax
()e([^aeiouyxw]e(s|d)?$) iy
(^b|^r|^d|^pr)e([^aeiouy][aeiouy]) ih
()e(ven|vil|qual) iy
()e() eh
()ff() f
()f() f
()gh($|t|s) _
()gh() g
()gn($|e|i) n
(^)gn() n
()gg() g
()ge($) jh
()g(e[^tas]|i[^vfrg]|y) jh
()gu([aeiy]) g
()g() g
(^)h(our|onest|onor|eir) _
()h([aeiouy]) hh
()h() _
()igh() ay
()ign($|s|e) ay n
()ie(ld|ve|ce|f) iy
()ie(nd) eh
()ies?($) ay
()ier($) iy er
()ied($) ay d
()ious($) iy ax s
()ire(d|s|$) ay er
()ir([^aeiou]|$) er
()i(nd($|s|ing|er)|ld($|er)|gh) ay
()ion($|s|a) y ax n
([aeiouy].*)ine($) iy n
([aeiouy].*)ive($) ih v
([aeiouy].*)ice($) ih s
()i([^aeiouyxr]e(s|d|r|rs|n)?$) ay
()i([^aeiouyxrn](ing|ings|y)$) ay
()i(ning$|nes$|nal|dy$|vy$) ay
(^[^aeiouy]*)i(a|o|e[^s]) ay
()i([aeou]) iy
()i($) iy
(^[bcdfghjklmnprst])i(lent|ber|mate|tan|vor) ay
()i() ih
()j() jh
(^)kn() n
()k() k
()ll() l
()l() l
()mm() m
()m() m
()ng($|s$|th) ng
()ng(ing|ed|er$|ers$) ng
()ng() ng g
()nk() ng k
()nn() n
()n() n
()oar() ao r
()oa() ow
()oe($|s$) ow
()oi() oy
()oy() oy
()oor() ao r
()oo(k|d$|ds$|t$) uh
()oo() uw
()ought() ao t
()ough($) ow
()ough(t|s) ao
()ould() uh d
()our(ney|n) er
()our() ao r
()ound() aw n d
()ous($) ax s
()ou(ble|pl|ng|ch$|ches|nt?ry) ah
()ou() aw
()ow(n$|ns$|d|l$|el|er) aw
(^[^aeiouy]*[bcnhvw]r?)ow($|s$) aw
()ow() ow
(w)or([^aeiouy]) er
([aeiouy].*)or($|s$) er
()ore($|s$) ao r
()or([^r]|$) ao r
()or(r) aa r
()ol(d|t|l$|ls$|k) ow l
()oth(er|ing) ah dh
()o(ve($|s|d|r)|ven|me$|ney|nth|ther) ah
()o([^aeiouyxwr]e(s|d|r|rs|n)?$) ow
()o([^aeiouyxwr](ing|y|ies)$) ow
()o(st$|sts$|th$|pen|cean|ver|nly|cal|ment|cus|ly$|bey) ow
()o($|es$) ow
([aeiouy].*)on($|s$|ed|ing) ax n
([aeiouy].*)o(m$|t$|d$) ax
()o() aa
()ph() f
()pp() p
()p() p
()qu() k w
()q() k
(^)wr() r
()rrh?() r
()rh() r
()r() r
()sch() s k
()ssion() sh ax n
([aeiou])sion() zh ax n
()sion() sh ax n
()ssure() sh er
([ea])sure() zh er
()sh() sh
(i)s(le|land) _
()sw(or) s
()ss() s
([aeiouybdglmnrvw])s($) z
([aeou]|ou|ai|ea|oi)s(e$|es$|ed$|ing$|y$) z
()s() s
()tion() sh ax n
()ture(s?$|d) ch er
()ti(a|ou|ent) sh
(^)th(e$|e[mnrsy]|is|at|us|ou|ough|an$) dh
([aeiouy])th(e|ing|y$) dh
()th() th
(s)t(en$|le$|ening) _
()tt() t
()t() t
()ure($) y er
()ur([^aeiou]|$) er
()ui([ts]) uw
()uy() ay
(g)u([ae]) _
([rljs]|ch)u([^aeiouyx][aeiouy]) uw
([bfpg])u(ll|sh|t$|tch|ar) uh
(^|^m|^f|^h|^c|^p|^b)u([^aeiouyx][aeiouy]) y uw
()u([^aeiouyx]e(s|d|r)?$) uw
()ue($|s$) uw
()u($) uw
(^)un() ah n
([aeiouy].*)u(l$|m$|s$|st$) ax
()u() ah
()v() v
(^)wh(o[^r]) hh
()wh() w
([aeo])w() _
()w() w
(^)x() z
()x() k s
(^)y([aeiou]) y
([aeiouy].*)y() iy
(^[^aeiouy]*)y($|e) ay
([aeiou])y() _
()y([^aeiouy]e) ay
()y() ih
()zz() z
()z() z
()'s($) z
()'() _
"""

_WORDS = """
a ax|again ax g eh n|all ao l|always ao l w ey z|am ae m|an ae n|and ae n d|angel ey n jh ax l|any eh n iy|are aa r
as ae z|ask ae s k|baby b ey b iy|be b iy|bear b eh r|beautiful b y uw t ax f ax l|because b ih k ah z|been b ih n
behind b ih hh ay n d|believe b ih l iy v|blood b l ah d|body b aa d iy|both b ow th|break b r ey k|breath b r eh th
broken b r ow k ax n|brother b r ah dh er|build b ih l d|busy b ih z iy|buy b ay|by b ay|chance ch ae n s
child ch ay l d|children ch ih l d r ax n|christmas k r ih s m ax s|city s ih t iy|come k ah m|coming k ah m ih ng
could k uh d|country k ah n t r iy|crazy k r ey z iy|cruel k r uw ax l|dance d ae n s|dancing d ae n s ih ng
danger d ey n jh er|darling d aa r l ih ng|dear d ih r|desert d eh z er t|diamond d ay m ax n d|do d uw|does d ah z
doing d uw ih ng|done d ah n|door d ao r|dreamed d r iy m d|ear ih r|early er l iy|earth er th|empty eh m p t iy
enough ih n ah f|ever eh v er|every eh v r iy|everything eh v r iy th ih ng|evening iy v n ih ng|eye ay|eyes ay z
fall f ao l|father f aa dh er|feather f eh dh er|fire f ay er|first f er s t|floor f l ao r|flower f l aw er
follow f aa l ow|for f ao r|forever f er eh v er|forget f er g eh t|four f ao r|friend f r eh n d|from f r ah m
garden g aa r d ax n|girl g er l|give g ih v|given g ih v ax n|giving g ih v ih ng|go g ow|goes g ow z|going g ow ih ng
gold g ow l d|golden g ow l d ax n|gone g ao n|good g uh d|goodbye g uh d b ay|great g r ey t|guitar g ih t aa r
had hh ae d|half hh ae f|happy hh ae p iy|has hh ae z|have hh ae v|having hh ae v ih ng|he hh iy|heart hh aa r t
hear hh ih r|heard hh er d|heaven hh eh v ax n|hello hh ax l ow|her hh er|here hh ih r|highway hh ay w ey
his hh ih z|hold hh ow l d|hollow hh aa l ow|honey hh ah n iy|honest aa n ax s t|hour aw er|hours aw er z|how hh aw
hurry hh er iy|i ay|i'd ay d|i'll ay l|i'm ay m|i've ay v|idea ay d iy ax|if ih f|in ih n|into ih n t uw|is ih z
island ay l ax n d|it ih t|journey jh er n iy|just jh ah s t|kind k ay n d|knew n uw|know n ow|known n ow n
laugh l ae f|learn l er n|leave l iy v|let l eh t|let's l eh t s|letter l eh t er|lie l ay|lies l ay z
light l ay t|listen l ih s ax n|little l ih t ax l|live l ih v|living l ih v ih ng|lonely l ow n l iy|lose l uw z
losing l uw z ih ng|lost l ao s t|love l ah v|loved l ah v d|lover l ah v er|loving l ah v ih ng|magic m ae jh ih k
many m eh n iy|maybe m ey b iy|me m iy|memory m eh m er iy|midnight m ih d n ay t|mind m ay n d|minute m ih n ax t
moment m ow m ax n t|money m ah n iy|more m ao r|morning m ao r n ih ng|most m ow s t|mother m ah dh er
mountain m aw n t ax n|move m uw v|moving m uw v ih ng|music m y uw z ih k|my m ay|myself m ay s eh l f
never n eh v er|night n ay t|no n ow|nobody n ow b aa d iy|none n ah n|nothing n ah th ih ng|now n aw|ocean ow sh ax n
of ah v|off ao f|oh ow|old ow l d|on aa n|once w ah n s|one w ah n|only ow n l iy|open ow p ax n|or ao r
other ah dh er|our aw er|ours aw er z|over ow v er|own ow n|paper p ey p er|people p iy p ax l|piano p iy ae n ow
picture p ih k ch er|poor p uh r|pretty p r ih t iy|promise p r aa m ax s|prove p r uw v|pull p uh l|push p uh sh
put p uh t|quiet k w ay ax t|radio r ey d iy ow|ready r eh d iy|real r iy l|really r ih l iy|remember r ih m eh m b er
river r ih v er|road r ow d|said s eh d|save s ey v|says s eh z|sea s iy|secret s iy k r ax t|seven s eh v ax n
shadow sh ae d ow|shall sh ae l|she sh iy|shoe sh uw|should sh uh d|shoulder sh ow l d er|silence s ay l ax n s
silver s ih l v er|since s ih n s|so s ow|soldier s ow l jh er|some s ah m|someone s ah m w ah n
something s ah m th ih ng|somewhere s ah m w eh r|son s ah n|soon s uw n|sorry s aa r iy|soul s ow l|steal s t iy l
stomach s t ah m ax k|story s t ao r iy|strange s t r ey n jh|stranger s t r ey n jh er|sugar sh uh g er
sure sh uh r|sweet s w iy t|table t ey b ax l|taste t ey s t|tear t ih r|tears t ih r z|that dh ae t|the dh ax
their dh eh r|them dh eh m|then dh eh n|there dh eh r|there's dh eh r z|these dh iy z|they dh ey|they're dh eh r
this dh ih s|those dh ow z|though dh ow|thought th ao t|through th r uw|tired t ay er d|to t uw|today t ax d ey
together t ax g eh dh er|tomorrow t ax m aa r ow|tonight t ax n ay t|too t uw|touch t ah ch|tried t r ay d
trouble t r ah b ax l|true t r uw|truth t r uw th|two t uw|under ah n d er|until ax n t ih l|up ah p|us ah s
use y uw z|very v eh r iy|violin v ay ax l ih n|voice v oy s|walk w ao k|wander w aa n d er|want w aa n t
war w ao r|warm w ao r m|was w ah z|watch w aa ch|water w ao t er|we w iy|we'll w iy l|we're w ih r|were w er
what w ah t|what's w ah t s|where w eh r|who hh uw|whole hh ow l|whose hh uw z|why w ay|wild w ay l d|will w ih l
wind w ih n d|window w ih n d ow|wish w ih sh|with w ih dh|without w ih th aw t|woman w uh m ax n|women w ih m ax n
wonder w ah n d er|won't w ow n t|word w er d|words w er d z|work w er k|world w er l d|worth w er th|would w uh d
yeah y ae|yellow y eh l ow|yes y eh s|yesterday y eh s t er d ey|yet y eh t|you y uw|you'll y uw l|you're y uh r
you've y uw v|young y ah ng|your y ao r|yours y ao r z
remedy r eh m ax d iy|remedies r eh m ax d iy z|sometimes s ah m t ay m z|lion l ay ax n|patience p ey sh ax n s
don't d ow n t|can't k ae n t|o'clock ax k l aa k
"""
_FUNCTION = """
a an the of to in on at by for from with and or but nor so as if than that it its it's is am are was were be been i i'm
i'll i've i'd me my we us our he him his she her you your they them their do does did have has had will would can could
should shall may might must let's this there's into
"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())
_LATE = ("be", "re", "de", "a", "un", "for", "to", "with", "ex", "con", "sur", "per", "good")
_SURELY_LATE = (
    "forg",
    "forb",
    "forev",
    "unt",
    "unl",
    "unk",
    "surr",
    "surp",
    "perh",
    "perf",
    "conf",
    "cont",
    "bet",
    "awa",
)
_FAR = ("ity", "ical", "rious", "vious", "erian")  # these pull the stress two syllables before them
_PULLING = ("tion", "sion", "cian", "ic", "ical", "ity", "ious", "ian")


def _compiled() -> dict[str, list[tuple[str, re.Pattern[str], re.Pattern[str], tuple[str, ...]]]]:
    table: dict[str, list[tuple[str, re.Pattern[str], re.Pattern[str], tuple[str, ...]]]] = {}
    for line in _RULES.strip().splitlines():
        pattern, _, said = line.partition(" ")
        left, letters, right = _split(pattern)
        phones = tuple(phone for phone in said.split() if phone != "_")
        rule = (letters, re.compile(f"(?:{left})$" if left else ""), re.compile(right), phones)
        table.setdefault(letters[0], []).append(rule)
    return table


def _split(pattern: str) -> tuple[str, str, str]:
    """`(left)letters(right)` in its three parts; both contexts are regular expressions."""
    depth, edges = 0, []
    for place, mark in enumerate(pattern):
        depth += {"(": 1, ")": -1}.get(mark, 0)
        if (mark == "(" and depth == 1) or (mark == ")" and depth == 0):
            edges.append(place)
    a, b, c, d = edges
    return pattern[a + 1 : b], pattern[b + 1 : c], pattern[c + 1 : d]


_TABLE = _compiled()
_KNOWN = {
    entry.split()[0]: tuple(entry.split()[1:]) for line in _WORDS.strip().splitlines() for entry in line.split("|")
}


@lru_cache(maxsize=4096)
def sounds(word: str) -> tuple[str, ...]:
    """The phones of a plain word (a-z and apostrophes); at least one of them is a vowel."""
    found = _KNOWN.get(word) or _inflected(word) or tuple(_by_rule(word))
    return found if any(phone in VOWELS for phone in found) else (*found, "ax")


def _inflected(word: str) -> tuple[str, ...] | None:
    """A known word with an ending."""
    for ending, said in (
        ("'s", ("z",)),
        ("s", ("z",)),
        ("ing", ("ih", "ng")),
        ("in'", ("ih", "n")),
        ("ly", ("l", "iy")),
    ):
        base = word.removesuffix(ending)
        if base != word and base in _KNOWN:
            last = _KNOWN[base][-1]
            hissing = last in ("s", "z", "sh", "ch", "jh", "zh")
            if said == ("z",) and (last in ("p", "t", "k", "f", "th") or hissing):
                said = ("ih", "z") if hissing else ("s",)
            return (*_KNOWN[base], *said)
    return None


def _by_rule(word: str) -> list[str]:
    phones: list[str] = []
    place = 0
    while place < len(word):
        for letters, left, right, said in _TABLE.get(word[place], ()):
            behind = place + len(letters)
            if word.startswith(letters, place) and left.search(word[:place]) and right.match(word[behind:]):
                phones += said
                place = behind
                break
        else:
            place += 1
    return phones


@lru_cache(maxsize=4096)
def parts(word: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    """(phones, stress) of each syllable of a word: as many consonants as English allows begin a syllable."""
    phones = sounds(word)
    vowels = [place for place, phone in enumerate(phones) if phone in VOWELS]
    cuts = [0]
    for before, after in pairwise(vowels):
        inner = phones[before + 1 : after]
        keep = next(size for size in range(min(3, len(inner)), -1, -1) if _begins(inner[len(inner) - size :]))
        cuts.append(after - keep)
    groups = [phones[a:b] for a, b in zip(cuts, [*cuts[1:], len(phones)], strict=True)]
    strong = _stressed(word, groups)
    return tuple((tuple(group), int(place == strong)) for place, group in enumerate(groups))


def _begins(cluster: tuple[str, ...]) -> bool:
    """Whether English begins a syllable with these consonants."""
    if not cluster:
        return True
    if len(cluster) == 1:
        return cluster[0] != "ng"
    if len(cluster) == 2:
        first, second = cluster
        return (
            (
                second in ("r", "l", "w")
                and first in ("p", "b", "t", "d", "k", "g", "f", "th", "s")
                and cluster != ("t", "l")
            )
            and cluster not in (("d", "l"), ("s", "r"), ("th", "l"), ("p", "w"), ("b", "w"), ("f", "w"))
        ) or (first == "s" and second in ("p", "t", "k", "m", "n"))
    return cluster[0] == "s" and cluster[1] in ("p", "t", "k") and cluster[2] in ("r", "l", "w")


def _stressed(word: str, groups: list[tuple[str, ...]]) -> int:
    """Which syllable is strong, -1 where none is."""
    if word in FUNCTION_WORDS:
        return -1
    if len(groups) == 1:
        return 0
    weak = [any(phone == "ax" for phone in group) for group in groups]
    if word.endswith(_PULLING):
        return max(0, len(groups) - (3 if word.endswith(_FAR) else 2))
    if (
        word.startswith(_LATE)
        and len(groups) <= 3
        and (weak[0] or groups[0][-1] == "ih" or word.startswith(_SURELY_LATE))
    ):
        return 1
    return next((place for place, faint in enumerate(weak) if not faint), 0)
