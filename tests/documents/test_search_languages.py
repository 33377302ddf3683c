"""Questions as people ask them, in many languages, of small collections."""
# ruff: noqa: RUF001 - alphabets have letters that look like others

import unicodedata

import pytest

from flowkeys.domain.documents.collection import Passage
from flowkeys.storage.transaction import Tables
from tests.documents.conftest import WORKSPACE
from tests.documents.support import collection, first, parsed, put, wrong

ONE = {
    "Payment methods": "We accept cash and cards.",
    "Office": "Visitors find the office on the second floor. Its hours are from nine to five.",
}
"""Each is a collection of one passage."""
ASKED_OF_ONE = {
    "What payment methods do you take?": "Payment methods",
    "What payment methods do you accept?": "Payment methods",
    "payment": "Payment methods",
    "office hours": "Office",
    "When are your office hours?": "Office",
}

SHOPS = {
    "en": {
        "Returns": "You may send goods back within 30 days. We refund the price.",
        "Payment": "We accept cash and cards.",
        "Visitors": "Cars are parked behind the house. Our telephone is answered until six.",
    },
    "es": {
        "Devoluciones": "Hay 30 días para la devolución de un pedido.",
        "Pagos": "Aceptamos pagos en efectivo y con tarjeta.",
        "Envío": "El envío es gratuito a partir de 50 euros.",
    },
    "de": {
        "Rückgabe": "Ware kann 30 Tage lang zurückgegeben werden.",
        "Versand": "Der Versand kostet 5 Euro.",
        "Größen": "Die Straße wird geräumt. Welche Größe passt, zeigt die Tabelle. Der Fußboden ist warm.",
    },
    "pt": {
        "Devoluções": "Tem 30 dias para devolver a encomenda.",
        "Pagamento": "Aceitamos dinheiro e cartões.",
        "Entrega": "A entrega demora três dias úteis.",
    },
    "nl": {
        "Retourneren": "U heeft 30 dagen om een artikel te retourneren.",
        "Betalen": "Betalen kan contant of met een pas.",
        "Bezorging": "De bezorging kost vijf euro.",
    },
    "it": {
        "Resi": "Il reso è possibile entro 30 giorni dalla consegna.",
        "Pagamenti": "Accettiamo contanti e carte.",
        "Spedizione": "La spedizione costa cinque euro.",
    },
    "fr": {
        "Retours": "Les articles peuvent être retournés pendant 30 jours.",
        "Paiement": "Nous acceptons les espèces et les cartes.",
        "Livraison": "La livraison coûte cinq euros.",
    },
    "sv": {
        "Returer": "Varor kan returneras inom 30 dagar.",
        "Betalning": "Vi tar emot kontanter och kort.",
        "Leverans": "Leveransen kostar femtio kronor.",
    },
    "pl": {
        "Zwroty": "Towar można zwrócić w ciągu 30 dni.",
        "Płatność": "Przyjmujemy gotówkę i karty.",
        "Dostawa": "Dostawa kosztuje dziesięć złotych.",
    },
    "cs": {
        "Vrácení zboží": "Zboží lze vrátit do 30 dnů.",
        "Platba": "Přijímáme hotovost a karty.",
        "Doprava": "Doprava stojí sto korun.",
    },
    "ru": {
        "Возврат": "Товар можно вернуть в течение 30 дней.",
        "Оплата": "Мы принимаем наличные и карты.",
        "Доставка": "Доставка стоит триста рублей.",
    },
    "tr": {
        "İade": "Ürünler 30 gün içinde iade edilebilir.",
        "Ödeme": "Nakit ve kredi kartı kabul ediyoruz.",
        "Işıklandırma": "Işıklar gece yarısı söner.",
    },
    "ar": {
        "الإرجاع": "يمكن إرجاع البضائع خلال ثلاثين يوما.",
        "الدفع": "نقبل الدفع نقدا وبالبطاقات.",
        "التوصيل": "يكلف التوصيل عشرة ريالات.",
    },
    "el": {
        "Επιστροφές": "Τα προϊόντα επιστρέφονται μέσα σε 30 ημέρες.",
        "Πληρωμή": "Δεχόμαστε μετρητά και κάρτες.",
        "Αποστολή": "Η αποστολή κοστίζει πέντε ευρώ.",
    },
    "zh": {
        "退货": "收到商品后三十天内可以退货。",
        "付款": "我们接受现金和银行卡。",
        "运费": "运费为五元。",
    },
    "ja": {
        "返品": "商品は三十日以内に返品できます。",
        "お支払い": "現金とクレジットカードをご利用いただけます。",
        "送料": "送料は五百円です。",
    },
    "ko": {
        "반품": "상품은 30일 안에 반품할 수 있습니다.",
        "결제": "현금과 카드를 받습니다.",
        "배송비": "배송비는 삼천 원입니다.",
    },
    "th": {
        "การคืนสินค้า": "คืนสินค้าได้ภายในสามสิบวัน",
        "การชำระเงิน": "เรารับเงินสดและบัตรเครดิต",
        "ค่าจัดส่ง": "ค่าจัดส่งห้าสิบบาท",
    },
}
"""Three sections each, in a file of one language."""
ASKED = {
    "en": {
        "Can I return goods?": "Returns",
        "Is a refund possible?": "Returns",
        "Do you take credit cards?": "Payment",
        "Where can visitors park their car?": "Visitors",
        "What is your telephone number?": "Visitors",
        "Which metods of paiment do you accept?": "Payment",
    },
    "es": {
        "¿Tienen envío?": "Envío",
        "¿Cuántos días hay para la devolución?": "Devoluciones",
        "¿Puedo pagar con tarjetas?": "Pagos",
        "quiero pagar": "Pagos",
        "devolucion": "Devoluciones",
        "Necesito devolver un pedido": "Devoluciones",
    },
    "de": {
        "Wie viel kostet der Versand?": "Versand",
        "Was kosten die Versandkosten?": "Versand",
        "Wie lange habe ich für die Rückgabe?": "Rückgabe",
        "Wie viele Tage habe ich für die Rückgabe?": "Rückgabe",
        "Welche Größen gibt es?": "Größen",
        "Straße": "Größen",
        "STRASSE": "Größen",
        "Strasse": "Größen",
        "Fussboden": "Größen",
        "Groesse": "Größen",
    },
    "pt": {
        "Quantos dias tenho para devolver?": "Devoluções",
        "Posso pagar com cartão?": "Pagamento",
        "Quanto tempo demora a entrega?": "Entrega",
        "devolucoes": "Devoluções",
    },
    "nl": {
        "Hoeveel dagen heb ik om te retourneren?": "Retourneren",
        "Hoe kan ik betalen?": "Betalen",
        "Wat kost de bezorging?": "Bezorging",
    },
    "it": {
        "Quanti giorni ho per il reso?": "Resi",
        "Posso pagare con la carta?": "Pagamenti",
        "Quanto costa la spedizione?": "Spedizione",
    },
    "fr": {
        "Combien coûte la livraison ?": "Livraison",
        "Puis-je payer par carte ?": "Paiement",
        "Comment retourner un article ?": "Retours",
    },
    "sv": {
        "Hur många dagar har jag att returnera?": "Returer",
        "Kan jag betala med kort?": "Betalning",
        "Vad kostar leverans?": "Leverans",
    },
    "pl": {
        "Ile dni mam na zwrot?": "Zwroty",
        "Czy mogę zapłacić kartą?": "Płatność",
        "Ile kosztuje dostawa?": "Dostawa",
    },
    "cs": {
        "Kolik dní mám na vrácení?": "Vrácení zboží",
        "Můžu platit kartou?": "Platba",
        "Kolik stojí doprava?": "Doprava",
    },
    "ru": {
        "Сколько дней есть на возврат?": "Возврат",
        "Можно оплатить картой?": "Оплата",
        "Сколько стоит доставка?": "Доставка",
    },
    "tr": {
        "İADE": "İade",
        "iade süresi ne kadar?": "İade",
        "IŞIKLAR": "Işıklandırma",
        "ışıklar ne zaman söner": "Işıklandırma",
        "Kredi kartıyla ödeyebilir miyim?": "Ödeme",
    },
    "ar": {
        "كيف يمكنني إرجاع بضاعة؟": "الإرجاع",
        "هل يمكن الدفع بالبطاقة؟": "الدفع",
        "كم يكلف توصيل الطلب؟": "التوصيل",
    },
    "el": {
        "ΕΠΙΣΤΡΟΦΕΣ": "Επιστροφές",
        "Πόσο κοστίζει η αποστολή;": "Αποστολή",
        "Μπορώ να πληρώσω με κάρτα;": "Πληρωμή",
    },
    "zh": {"怎么退货?": "退货", "可以用银行卡吗?": "付款", "运费是多少?": "运费"},
    "ja": {
        "返品できますか?": "返品",
        "ｸﾚｼﾞｯﾄｶｰﾄﾞは使えますか?": "お支払い",
        "送料はいくらですか?": "送料",
    },
    "ko": {"반품하고 싶어요": "반품", "카드로 결제할 수 있나요?": "결제", "배송비가 얼마예요?": "배송비"},
    "th": {"คืนสินค้าได้ไหม": "การคืนสินค้า", "จ่ายด้วยบัตรเครดิตได้ไหม": "การชำระเงิน", "ค่าจัดส่งเท่าไร": "ค่าจัดส่ง"},
}
NO_ANSWER = {
    "en": "What is the capital of France?",
    "de": "Wie hoch ist der Eiffelturm?",
    "es": "¿Quién ganó el mundial de fútbol?",
    "fr": "Qui a peint la Joconde ?",
    "ru": "Кто написал «Войну и мир»?",
    "zh": "世界上最高的山是哪座?",
    "ja": "富士山の高さはどれくらいですか?",
    "ko": "한국에서 가장 긴 강은 무엇인가요?",
}


def test_one_passage_answers_for_itself(tables: Tables) -> None:
    """A word that the only passage has not weighs no more than those that it has."""
    for heading, content in ONE.items():
        asked = {question: where for question, where in ASKED_OF_ONE.items() if where == heading}
        assert wrong(tables, collection(tables, {heading: content}), asked) == {}


WORDS = {
    ("Stuhl", "Der Stuhl ist groß."): ["groß", "GROSS", "Groß?", "großer Stuhl"],
    ("Payment methods", "We accept cash."): ["How can I pay?", "paying", "Can it be paid?", "payments"],
    ("Pay", "At the counter."): ["payment", "How do payments work?"],
    ("Shipment", "By lorry."): ["Do you ship?"],
}


def test_a_word_alone_and_its_noun_are_found(tables: Tables) -> None:
    """A word alone is meant, though a list has it as a stop word; short verbs have their nouns."""
    for (heading, content), asked in WORDS.items():
        made = collection(tables, {heading: content})
        assert wrong(tables, made, dict.fromkeys(asked, heading)) == {}


@pytest.mark.parametrize("language", SHOPS)
def test_questions_find_the_section_that_says_it(tables: Tables, language: str) -> None:
    """Whatever the language: inflected, with question words, with another spelling or without its accents."""
    assert wrong(tables, collection(tables, SHOPS[language]), ASKED[language]) == {}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_letters_are_the_same(tables: Tables, form: str) -> None:
    """Documents of one form answer questions of either, in every language of the table."""
    for language, sections in SHOPS.items():
        made = collection(
            tables,
            {head: unicodedata.normalize(form, text) for head, text in sections.items()},
        )
        for other in ("NFC", "NFD"):
            asked = {unicodedata.normalize(other, q): where for q, where in ASKED[language].items()}
            assert wrong(tables, made, asked) == {}, (language, form, other)


def test_the_same_sections_among_many_others_are_found_as_well(tables: Tables) -> None:
    """What a small collection answers, a large one does."""
    others = {
        f"Topic {number}": f"Part {number} of the machine is oiled each month." for number in range(300)
    }
    for language in ("es", "de", "pl", "zh"):
        made = collection(tables, SHOPS[language])
        put(tables, WORKSPACE, made, parsed("manual.md", *(Passage(*item) for item in others.items())))
        assert wrong(tables, made, ASKED[language]) == {}, language


def test_a_question_about_something_else_finds_nothing_in_a_small_collection(tables: Tables) -> None:
    """To be found although a word is missing does not mean to be found anyhow."""
    found = {
        language: first(tables, collection(tables, SHOPS[language]), question)
        for language, question in NO_ANSWER.items()
    }
    assert set(found.values()) == {""}, found


def test_a_heading_above_says_what_a_passage_is_about(tables: Tables) -> None:
    """Where it says all of the question, it outweighs an own heading that says a part of it."""
    made = collection(
        tables,
        {
            "Keys": "Keys are stored as a hash of the stored key.",
            "How and where keys are stored > Decision": "A key is stored as HMAC.",
            **{f"Keys of room {number}": f"This key opens room {number}." for number in range(30)},
        },
    )  # fmt: skip
    assert first(tables, made, "How is a key stored?") == "How and where keys are stored > Decision"


def test_names_in_code_are_found_by_their_parts(tables: Tables) -> None:
    """`HTTPSRedirectMiddleware` is about redirects."""
    made = collection(
        tables, {"HTTPSRedirectMiddleware": "Sends callers on.", "Sessions": "Kept in cookies."}
    )
    assert first(tables, made, "How do redirects work?") == "HTTPSRedirectMiddleware"
    assert first(tables, made, "httpsredirectmiddleware") == "HTTPSRedirectMiddleware"


LARGE = {
    "Websockets": "A connection that stays open in both ways.",
    "Priority": "Routes that match are tried in order.",
    **{f"Route {number}": f"Oil goes to part {number}." for number in range(80)},
    **{f"Match {number}": f"It burns for {number} seconds." for number in range(10)},
    **{f"Two {number}": f"A pair of {number} screws." for number in range(8)},
}
IN_LARGE = {
    "wbesocket": "Websockets",
    "ewbsockets": "Websockets",
    "wwebsockets": "Websockets",
    "Which route wins when two of them match?": "Priority",
    "Which giraffe wins when the giraffes match an elephant?": "",
}


def test_a_slip_in_the_first_letters_and_a_missing_word_sink_no_question(tables: Tables) -> None:
    """Two words of a question are enough, one of several is not."""
    assert wrong(tables, collection(tables, LARGE), IN_LARGE) == {}


def test_what_resembles_a_word_helps_in_a_small_collection(tables: Tables) -> None:
    """`öppnar` resembles `öppen`; but that `Flossen` and `müssen` end alike means nothing."""
    kept = {
        "sv": {
            "Öppettider": "Förskolan är öppen klockan 6.30.",
            "Hämtning": "Säg till personalen om någon annan kommer.",
        },
        "de": {"Schließfächer": "Sie müssen eine Münze einwerfen.", "Sauna": "Sie brauchen ein Handtuch."},
    }
    asked = {"sv": {"När öppnar ni på morgonen?": "Öppettider"}, "de": {"Verleihen Sie Taucherflossen?": ""}}
    for language, sections in kept.items():
        assert wrong(tables, collection(tables, sections), asked[language]) == {}, language
