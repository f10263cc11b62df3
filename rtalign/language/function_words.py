"""Function words by language: who has no part-of-speech tagger takes all other words as content words.

A list decides by the word alone, so it says the same live and offline.  It knows no context: names count as content
words, forms of be, have and do never do, and a word of two classes ("like", "past") is what it is most often.
"""

from __future__ import annotations

import re
from functools import cache

PREFIX = "list:"
"""What names a list in the place of a tagger: list:en."""

LISTS = {
    "en": """
        a an the this that these those my your his her its our their mine yours hers ours theirs whose i me you he him
        she it we us they them thee thou thy ye myself yourself himself herself itself ourselves yourselves themselves
        oneself who whom which what whatever whoever whichever someone somebody something anyone anybody anything
        everyone everybody everything nobody nothing none one ones each every either neither both all any some no such
        another other others few fewer many much more most less least several enough half
        aboard about above across after against along amid among amongst around as at before behind below beneath beside
        besides between beyond by concerning despite down during except for from in inside into like near of off on onto
        opposite out outside over past per regarding round since through throughout till to toward towards under
        underneath unlike until unto up upon versus via with within without
        and but or nor yet so if unless although though because while whilst whereas whether than lest once
        when where how why whenever wherever however mr mrs ms
        am is are was were be been being have has had having do does did done doing will would shall should can could
        may might must ought need dare cannot
        not oh ah yes hey well hello hi ha ho alas please
        two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
        nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
        s m re ve ll d t em don doesn didn isn aren wasn weren hasn haven hadn won wouldn shan shouldn couldn mightn
        mustn needn ain can ma tis twas there
    """,
    "fr": """
        le la les l un une des du de d au aux ce cet cette ces mon ton son ma ta sa mes tes ses notre votre leur nos vos
        leurs je j tu il elle on nous vous ils elles me m te t se s lui eux moi toi soi y en ceci cela ça c celui celle
        ceux celles ci là qui que qu quoi dont où lequel laquelle lesquels lesquelles auquel duquel auxquels desquels
        quel quelle quels quelles quelque quelques quelqu certain certains certaines aucun aucune nul nulle tout toute
        tous toutes chaque plusieurs autre autres autrui même mêmes tel telle tels telles rien personne chacun chacune
        mien tien sien mienne tienne sienne nôtre vôtre
        à dans par pour vers avec sans sous sur entre chez contre depuis derrière devant dès durant envers hors jusque
        jusqu malgré outre parmi pendant sauf selon voici voilà après avant
        et ou mais donc or ni car si comme quand lorsque lorsqu puisque puisqu quoique afin tandis parce
        comment pourquoi
        suis es est sommes êtes sont étais était étions étiez étaient fus fut fûmes furent serai seras sera serons serez
        seront serais serait serions seraient sois soit soyons soyez soient fût être été étant
        ai as a avons avez ont avais avait avions aviez avaient eus eut eûmes eurent aurai auras aura aurons aurez
        auront aurais aurait aurions auraient aie aies ait ayons ayez aient eût avoir eu eue eus ayant
        ne n pas oh ah eh oui non hé hélas bonjour
        deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt trente quarante
        cinquante soixante cent cents mille million millions
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner keines dieser diese
        dieses diesen diesem jener jene jenes jenen jenem jeder jede jedes jeden jedem mancher manche manches manchen
        manchem solcher solche solches solchen solchem welcher welche welches welchen welchem mein meine meinen meinem
        meiner meines dein deine deinen deinem deiner deines sein seine seinen seinem seiner seines ihr ihre ihren ihrem
        ihrer ihres unser unsere unseren unserem unserer unseres euer eure euren eurem eurer eures ich mich mir du dich
        dir er ihn ihm sie es wir uns euch ihnen sich man wer wen wem wessen was etwas nichts jemand jemanden niemand
        niemanden einander selbst alle alles allen allem aller beide beiden viele vielen viel wenig wenige wenigen
        einige einigen mehrere andere anderen anderer anderes anderem
        ab an am ans auf aufs aus außer bei beim bis durch durchs entlang für fürs gegen gegenüber hinter in im ins mit
        nach neben ohne seit statt trotz über übers um ums unter vom von vor vorm während wegen zu zum zur zwischen
        und oder aber denn sondern doch wenn weil dass daß ob obwohl als wie nachdem bevor ehe damit falls indem sobald
        wann wo warum wohin woher solange sowie sowohl weder noch entweder je desto
        bin bist ist sind seid war warst waren wart wäre wären sei seien gewesen habe hast hat haben habt hatte hattest
        hatten hättest hätte hätten gehabt werde wirst wird werden werdet wurde wurden würde würden geworden worden kann
        kannst können könnt konnte konnten könnte könnten muss muß müssen musste mussten müsste soll sollst sollen
        sollte sollten will willst wollen wollte wollten darf dürfen durfte dürfte mag mögen mochte möchte möchten
        nicht ja nein ach oh
        zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig sechzig siebzig
        achtzig neunzig hundert tausend
    """,
    "nl": """
        de het een t n dit dat deze die mijn m jouw je uw zijn z haar ons onze hun ik me mij jij jou u hij hem zij ze
        wij we jullie hen zich zichzelf mezelf elkaar men wie wat welk welke wiens iemand niemand iets niets alles allen
        alle al elk elke ieder iedere iedereen geen enkele enige sommige veel vele weinig meer meest ander andere
        anderen zo zulk zulke zelf beide
        aan achter beneden bij binnen boven buiten door gedurende in langs met na naar naast nabij om onder ondanks op
        over per rond sinds te ten ter tegen tegenover tijdens tot tussen uit van vanaf vanuit via volgens voor voorbij
        wegens zonder
        en of maar want dus noch als indien toen terwijl omdat doordat zodat hoewel voordat nadat totdat dan zoals of
        wanneer waar waarom hoe
        ben bent is was waren geweest wezen heb hebt heeft hebben had hadden gehad word wordt worden werd werden
        geworden zal zult zullen zou zouden kan kunt kunnen kon konden moet moeten moest moesten mag mogen mocht mochten
        wil wilt willen wilde wilden wou
        niet ja nee och ach er
        één twee drie vier vijf zes zeven acht negen tien elf twaalf twintig dertig veertig vijftig zestig zeventig
        tachtig negentig honderd duizend
    """,
}
PARTS = re.compile(r"[^\W\d_]+")


@cache
def function_words(language: str) -> frozenset[str]:
    """The function words of a language.

    Parameters
    ----------
    language : str
        One of `LISTS`.

    Returns
    -------
    frozenset of str
        In lower case; what an apostrophe or a hyphen divides is listed in parts.

    Raises
    ------
    ValueError
        Where there is no list of the language.
    """
    if language not in LISTS:
        raise ValueError(f"there is no list of function words called {PREFIX}{language}; there are {names_of_lists()}")
    return frozenset(LISTS[language].split())


def names_of_lists() -> str:
    """How the lists are named in the place of a tagger, as text."""
    return ", ".join(PREFIX + language for language in LISTS)


def is_content_word(word: str, listed: frozenset[str]) -> bool:
    """Whether a word has a part that is not listed; a number has no part at all."""
    return any(part not in listed for part in PARTS.findall(word.lower()))
