"""Words of the built-in stand-in corpus, written for it: English and Finnish share names and nothing else.

Within a list the order is the frequency: the first words are drawn most often. Pairs are written ``a/b``:
nouns as subject/object, verbs as affirmed/negated form.
"""

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What one language's sentences are made of."""

    nouns: Pairs
    good: tuple[str, ...]
    bad: tuple[str, ...]
    plain: tuple[str, ...]
    liked: Pairs
    disliked: Pairs
    did: Pairs
    strong: tuple[str, ...]
    mild: tuple[str, ...]
    deeply: tuple[str, ...]  # strengthens a verb
    negations: tuple[str, ...]  # in place of "was" before an adjective
    verb_negations: tuple[str, ...]  # before the negated form of a verb
    not_at_all: str
    was: str
    article: str
    said: tuple[str, ...]
    adverbials: tuple[str, ...]
    openers: tuple[str, ...]
    also: tuple[str, ...]
    but: tuple[str, ...]  # the clause after it decides
    although: tuple[str, ...]  # the clause without it decides


def _pairs(text: str) -> Pairs:
    found = []
    for item in text.split():
        first, _, second = item.replace("_", " ").partition("/")
        found.append((first, second or first))
    return tuple(found)


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(item.replace("_", " ") for item in text.split())


NAMES = _phrases(
    "Anna Maria Johannes Eva Markus Laura Daniel Sofia Mikael Helena Thomas Julia Oliver Emma David "
    "Nina Peter Sara Elias Linda Robert Kristina Oskar Ida Simon Vera Anton Olga Henrik Clara Felix "
    "Ella Viktor Amanda Leo Rosa Hugo Alma Martin Irene Tobias Greta Samuel Paula Jonas Tilda "
    "Adrian Saga Conrad Minna Lauri Ellen Rasmus Iris Aron"
)

ENGLISH = Lexicon(
    nouns=_pairs(
        "film story book song house dinner music game hotel play teacher concert room soup garden "
        "weather city bread trip team voice plan boat answer cake party picture speech lamp coat street "
        "coffee lecture bridge beach class kitchen letter doctor museum dance painting journey library "
        "chair village market shop window computer train bicycle road singer holiday wedding river "
        "forest article phone programme actor scene ending director chapter neighbour breakfast waiter "
        "office show school jacket salad island castle tower ferry"
    ),
    good=_phrases(
        "good great nice wonderful lovely excellent beautiful funny happy pleasant brilliant charming "
        "delightful warm clever superb fantastic enjoyable splendid impressive fresh friendly gentle "
        "magnificent amusing elegant touching comfortable perfect bright generous fascinating tasty "
        "marvellous honest cosy joyful remarkable graceful inspiring cheerful refreshing admirable "
        "stunning heavenly witty glorious thoughtful dazzling memorable exquisite radiant soothing "
        "uplifting"
    ),
    bad=_phrases(
        "bad awful boring terrible dull poor horrible ugly sad stupid weak dreadful disappointing nasty "
        "tedious cold silly miserable rude messy unpleasant clumsy annoying cheap dirty disgusting "
        "bland dreary pathetic lousy painful noisy shallow rotten hideous hopeless tiresome stale "
        "pointless cruel gloomy frightening ghastly lifeless shabby irritating grim embarrassing vulgar "
        "appalling wretched depressing sour atrocious"
    ),
    plain=_phrases(
        "new old blue wooden large small metal closed round green long local empty square modern red "
        "early late white short northern famous grey tall wide narrow southern yellow brown heavy"
    ),
    liked=_pairs(
        "loved/love liked/like enjoyed/enjoy praised/praise admired/admire recommended/recommend "
        "adored/adore respected/respect cherished/cherish applauded/applaud treasured/treasure "
        "celebrated/celebrate appreciated/appreciate savoured/savour welcomed/welcome"
    ),
    disliked=_pairs(
        "hated/hate disliked/dislike criticised/criticise despised/despise regretted/regret "
        "loathed/loathe mocked/mock cursed/curse detested/detest feared/fear resented/resent "
        "condemned/condemn deplored/deplore scorned/scorn dreaded/dread"
    ),
    did=_pairs(
        "saw/see described/describe opened/open visited/visit used/use watched/watch found/find "
        "painted/paint measured/measure crossed/cross photographed/photograph moved/move passed/pass "
        "examined/examine mentioned/mention followed/follow rented/rent counted/count"
    ),
    strong=_phrases("very really extremely incredibly truly absolutely so remarkably utterly exceptionally"),
    mild=_phrases("quite rather fairly somewhat a_bit slightly"),
    deeply=_phrases("really truly deeply always sincerely openly dearly"),
    negations=_phrases("was_not wasn't was_never was_hardly was_not was_no_longer"),
    verb_negations=_phrases("did_not didn't did_not could_not would_not"),
    not_at_all="at all",
    was="was",
    article="the",
    said=_phrases("said_that thought_that wrote_that believed_that felt_that claimed_that"),
    adverbials=_phrases(
        "yesterday today last_week in_the_evening this_time at_the_weekend in_the_morning last_year "
        "again there after_work on_Monday in_the_end at_first during_the_summer on_Friday before_noon "
        "in_winter near_the_station behind_the_church for_two_hours every_day by_the_lake with_friends "
        "at_home"
    ),
    openers=_phrases("well honestly in_short you_see frankly as_expected this_year to_be_honest by_the_way listen"),
    also=(" and", ", and", ";"),
    but=(", but", ", yet", ". However,", ". Still,"),
    although=_phrases("although even_though though while"),
)

FINNISH = Lexicon(
    nouns=_pairs(
        "elokuva/elokuvaa tarina/tarinaa kirja/kirjaa laulu/laulua talo/taloa päivällinen/päivällistä "
        "musiikki/musiikkia peli/peliä hotelli/hotellia näytelmä/näytelmää opettaja/opettajaa "
        "konsertti/konserttia huone/huonetta keitto/keittoa puutarha/puutarhaa sää/säätä "
        "kaupunki/kaupunkia leipä/leipää matka/matkaa joukkue/joukkuetta ääni/ääntä "
        "suunnitelma/suunnitelmaa vene/venettä vastaus/vastausta kakku/kakkua juhla/juhlaa kuva/kuvaa "
        "puhe/puhetta lamppu/lamppua takki/takkia katu/katua kahvi/kahvia luento/luentoa silta/siltaa "
        "ranta/rantaa tunti/tuntia keittiö/keittiötä kirje/kirjettä lääkäri/lääkäriä museo/museota "
        "tanssi/tanssia maalaus/maalausta retki/retkeä kirjasto/kirjastoa tuoli/tuolia kylä/kylää "
        "tori/toria kauppa/kauppaa ikkuna/ikkunaa tietokone/tietokonetta juna/junaa "
        "polkupyörä/polkupyörää tie/tietä laulaja/laulajaa loma/lomaa joki/jokea metsä/metsää "
        "artikkeli/artikkelia puhelin/puhelinta ohjelma/ohjelmaa näyttelijä/näyttelijää "
        "kohtaus/kohtausta loppu/loppua ohjaaja/ohjaajaa luku/lukua naapuri/naapuria "
        "aamiainen/aamiaista tarjoilija/tarjoilijaa toimisto/toimistoa koulu/koulua salaatti/salaattia "
        "saari/saarta linna/linnaa torni/tornia lautta/lauttaa sauna/saunaa mökki/mökkiä järvi/järveä"
    ),
    good=_phrases(
        "hyvä hieno mukava ihana kaunis loistava hauska mainio upea iloinen viihtyisä erinomainen "
        "miellyttävä lämmin herkullinen viisas mahtava ystävällinen kiinnostava tyylikäs raikas "
        "koskettava taitava nautittava suloinen reilu kirkas vaikuttava kiehtova täydellinen maukas "
        "virkistävä herttainen ihmeellinen komea antoisa innostava suurenmoinen lempeä oivallinen "
        "nokkela rehellinen häikäisevä unohtumaton sulava rauhoittava verraton ihastuttava hurmaava "
        "lumoava sydämellinen riemukas ylevä"
    ),
    bad=_phrases(
        "huono kamala tylsä kauhea ruma surkea ikävä typerä surullinen heikko kurja hirveä "
        "pitkästyttävä karmea kylmä inhottava likainen tyly ärsyttävä halpamainen kömpelö mauton "
        "meluisa sekava onneton raskassoutuinen vastenmielinen lohduton ankea kehno mitätön tuskallinen "
        "synkkä nolo väsyttävä julma lattea pinnallinen kelvoton ällöttävä toivoton hidas mätä "
        "sietämätön eloton kulunut pelottava turha hyytävä tympeä masentava hapan karkea"
    ),
    plain=_phrases(
        "uusi vanha sininen puinen iso pieni avoin suljettu pyöreä vihreä pitkä paikallinen tyhjä "
        "nelikulmainen nykyaikainen punainen varhainen myöhäinen valkoinen lyhyt pohjoinen kuuluisa "
        "harmaa korkea leveä kapea eteläinen keltainen ruskea painava"
    ),
    liked=_pairs(
        "rakasti/rakastanut ihaili/ihaillut kehui/kehunut arvosti/arvostanut suositteli/suositellut "
        "ylisti/ylistänyt kunnioitti/kunnioittanut ihasteli/ihastellut palvoi/palvonut juhli/juhlinut "
        "vaali/vaalinut jumaloi/jumaloinut kannusti/kannustanut helli/hellinyt maisteli/maistellut"
    ),
    disliked=_pairs(
        "inhosi/inhonnut vihasi/vihannut moitti/moittinut halveksi/halveksinut katui/katunut "
        "pilkkasi/pilkannut kirosi/kironnut arvosteli/arvostellut pelkäsi/pelännyt karsasti/karsastanut "
        "kammoksui/kammoksunut haukkui/haukkunut vieroksui/vieroksunut paheksui/paheksunut "
        "morkkasi/morkannut"
    ),
    did=_pairs(
        "katseli/katsellut kuvaili/kuvaillut käytti/käyttänyt etsi/etsinyt tutki/tutkinut "
        "maalasi/maalannut mittasi/mitannut odotti/odottanut esitteli/esitellyt piirsi/piirtänyt "
        "valokuvasi/valokuvannut siirsi/siirtänyt lähestyi/lähestynyt seurasi/seurannut "
        "vuokrasi/vuokrannut laski/laskenut ajatteli/ajatellut kuunteli/kuunnellut"
    ),
    strong=_phrases(
        "todella erittäin hyvin äärimmäisen uskomattoman aivan niin tavattoman kerrassaan poikkeuksellisen"
    ),
    mild=_phrases("melko aika jokseenkin hieman vähän kohtalaisen"),
    deeply=_phrases("todella aidosti syvästi aina vilpittömästi avoimesti kovasti"),
    negations=_phrases("ei_ollut ei_ollut ei_koskaan_ollut oli_tuskin ei_ollutkaan ei_enää_ollut"),
    verb_negations=_phrases("ei ei ei_koskaan ei_enää ei_kai"),
    not_at_all="ollenkaan",
    was="oli",
    article="",
    said=("sanoi, että", "ajatteli, että", "kirjoitti, että", "uskoi, että", "tunsi, että", "väitti, että"),
    adverbials=_phrases(
        "eilen tänään viime_viikolla illalla tällä_kertaa viikonloppuna aamulla viime_vuonna taas "
        "siellä töiden_jälkeen maanantaina lopulta aluksi kesän_aikana perjantaina ennen_puoltapäivää "
        "talvella aseman_lähellä kirkon_takana kahden_tunnin_ajan joka_päivä järven_rannalla "
        "ystävien_kanssa kotona"
    ),
    openers=_phrases(
        "tosiaan rehellisesti lyhyesti katsos suoraan_sanoen kuten_odotettiin tänä_vuonna totta_puhuen muuten kuule"
    ),
    also=(" ja", ", ja", ";"),
    but=(", mutta", ", kuitenkin", ". Silti", ". Siitä huolimatta"),
    although=_phrases("vaikka joskin vaikkakin vaikka"),
)

LEXICONS = {"en": ENGLISH, "fi": FINNISH}
