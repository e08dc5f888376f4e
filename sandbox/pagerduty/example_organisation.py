"""Teams, users, schedules, policies and services of Meridian Market, as in ``examples/catalog``.

The company and its people are made up; the routing keys open nothing but the sandbox.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sandbox.pagerduty.resources import (
    Integration,
    Level,
    Person,
    Policy,
    Priority,
    Schedule,
    Service,
    Team,
)

FOUNDED_AT = datetime(2024, 3, 4, 9, 30, tzinfo=UTC)

# Routing keys by service id: 32 characters each, the same as in examples/catalog.
KEYS = {
    "PCHKOUT": "demo0checkout0api00000000000c001",
    "PPAYGTW": "demo0payment0gateway00000000pa02",
    "PFRAUDC": "demo0fraud0check0000000000000f03",
    "PWEBSHP": "demo0web0shop000000000000000w004",
    "PMOBBFF": "demo0mobile0bff0000000000000b005",
    "PCARTSV": "demo0cart0service00000000000c006",
    "PSEARCH": "demo0search0service000000000s007",
    "PPRICIN": "demo0pricing0service00000000p008",
    "PORDERS": "demo0order0router00000000000r009",
    "PWAREHS": "demo0warehouse0sync0eu000000e010",
    "PWAREUS": "demo0warehouse0sync0us000000u011",
    "PAUTHSV": "demo0auth0service00000000000t012",
}

TEAMS = {
    "checkout": Team(id="PTCHECK", name="Checkout"),
    "storefront": Team(id="PTSTORE", name="Storefront"),
    "catalog": Team(id="PTCATAL", name="Product catalog"),
    "fulfilment": Team(id="PTFULFI", name="Fulfilment"),
    "platform": Team(id="PTPLATF", name="Platform"),
}


def _person(id_: str, name: str, team: str, job_title: str, time_zone: str) -> Person:
    return Person(
        id=id_,
        name=name,
        email=f"{name.lower().replace(' ', '.')}@meridian.example",
        job_title=job_title,
        time_zone=time_zone,
        teams=(TEAMS[team],),
    )


ANA = _person("PANALIM", "Ana Lima", "checkout", "Staff engineer, payments", "Europe/Lisbon")
BO = _person("PBOCHEN", "Bo Chen", "checkout", "Senior engineer", "Asia/Taipei")
CY = _person("PCYDIAZ", "Cy Diaz", "checkout", "Engineer", "America/Bogota")
DEE = _person("PDEEOKA", "Dee Okafor", "storefront", "Engineering manager", "Africa/Lagos")
ELI = _person("PELINOV", "Eli Novak", "storefront", "Front-end engineer", "Europe/Prague")
FAY = _person("PFAYSIN", "Fay Singh", "storefront", "Senior engineer", "Asia/Kolkata")
GUS = _person("PGUSMEY", "Gus Meyer", "catalog", "Search engineer", "Europe/Berlin")
HANA = _person("PHANASA", "Hana Sato", "catalog", "Data engineer", "Asia/Tokyo")
IVO = _person("PIVOPET", "Ivo Petrov", "fulfilment", "Senior engineer", "Europe/Sofia")
JUN = _person("PJUNPAR", "Jun Park", "fulfilment", "Engineer", "Asia/Seoul")
KAI = _person("PKAILAR", "Kai Larsen", "platform", "Site reliability engineer", "Europe/Oslo")
LEA = _person("PLEAMOR", "Lea Moreau", "platform", "Head of engineering", "Europe/Paris")

PEOPLE = (ANA, BO, CY, DEE, ELI, FAY, GUS, HANA, IVO, JUN, KAI, LEA)


def _schedules(code: str, team: str, people: Sequence[Person]) -> tuple[Schedule, Schedule]:
    name = TEAMS[team].name
    return (
        Schedule(id=f"PS{code}1", name=f"{name} primary", people=tuple(people), team=TEAMS[team]),
        Schedule(
            id=f"PS{code}2",
            name=f"{name} secondary",
            people=tuple(people),
            team=TEAMS[team],
            offset=1,
        ),
    )


def _policy(
    code: str,
    name: str,
    team: str,
    levels: Sequence[tuple[int, Schedule | Person]],
    description: str,
) -> Policy:
    return Policy(
        id=f"PPOL{code}",
        name=name,
        team=TEAMS[team],
        description=description,
        levels=tuple(
            Level(id=f"PR{code}{number}", delay_minutes=minutes, targets=(target,))
            for number, (minutes, target) in enumerate(levels, start=1)
        ),
    )


_CHECKOUT = _schedules("CHKP", "checkout", (ANA, BO, CY))
_STOREFRONT = _schedules("STFP", "storefront", (DEE, ELI, FAY))
_CATALOG = _schedules("CATP", "catalog", (GUS, HANA))
_FULFILMENT = _schedules("FULP", "fulfilment", (IVO, JUN))
# Its last person has left and nobody noticed: the gap the card has to show.
_PLATFORM = Schedule(id="PSPLAT1", name="Platform primary", people=(), team=TEAMS["platform"])

SCHEDULES = (*_CHECKOUT, *_STOREFRONT, *_CATALOG, *_FULFILMENT, _PLATFORM)

CHECKOUT = _policy(
    "CHK",
    "Checkout escalation",
    "checkout",
    [(15, _CHECKOUT[0]), (15, _CHECKOUT[1]), (30, LEA)],
    "Money is involved: fifteen minutes, then the next person.",
)
STOREFRONT = _policy(
    "STF",
    "Storefront escalation",
    "storefront",
    [(10, _STOREFRONT[0]), (20, _STOREFRONT[1]), (30, LEA)],
    "What customers see.",
)
CATALOG = _policy(
    "CAT",
    "Catalog escalation",
    "catalog",
    [(30, _CATALOG[0]), (30, _CATALOG[1])],
    "Search, prices and feeds; two levels, nobody above them.",
)
FULFILMENT = _policy(
    "FUL",
    "Fulfilment escalation",
    "fulfilment",
    [(15, _FULFILMENT[0]), (30, _FULFILMENT[1]), (30, LEA)],
    "Orders, warehouses and vans.",
)
PLATFORM = _policy(
    "EMP",
    "Platform escalation",
    "platform",
    [(15, _PLATFORM), (30, KAI)],
    "Sign-in and what everything else stands on.",
)

POLICIES = (CHECKOUT, STOREFRONT, CATALOG, FULFILMENT, PLATFORM)


def _service(id_: str, name: str, policy: Policy, description: str) -> Service:
    return Service(
        id=id_,
        name=name,
        description=description,
        policy=policy,
        created_at=FOUNDED_AT + timedelta(days=len(name)),
        integrations=(Integration(id=f"PI{id_[1:]}"[:7], name=f"{name} portal", key=KEYS[id_]),),
    )


def services() -> tuple[Service, ...]:
    """The company's services, fresh each time: a test may disable one."""
    made = (
        _service("PCHKOUT", "checkout-api", CHECKOUT, "Takes an order from basket to paid."),
        _service("PPAYGTW", "payment-gateway", CHECKOUT, "Talks to the card schemes."),
        _service("PFRAUDC", "fraud-check", CHECKOUT, "Scores an order before it is charged."),
        _service("PWEBSHP", "web-shop", STOREFRONT, "The shop in the browser."),
        _service("PMOBBFF", "mobile-bff", STOREFRONT, "Back end of the iOS and Android apps."),
        _service("PCARTSV", "cart-service", STOREFRONT, "Keeps baskets across devices."),
        _service("PSEARCH", "search-service", CATALOG, "Full-text search over the range."),
        _service("PPRICIN", "pricing-service", CATALOG, "Prices and promotions."),
        _service("PORDERS", "order-router", FULFILMENT, "Sends each order to a warehouse."),
        _service("PWAREHS", "warehouse-sync-eu", FULFILMENT, "Stock of the European warehouses."),
        _service("PWAREUS", "warehouse-sync-us", FULFILMENT, "Stock of the American warehouses."),
        _service("PAUTHSV", "auth-service", PLATFORM, "Signs customers and staff in."),
    )
    by_id = {service.id: service for service in made}
    by_id["PPRICIN"].is_disabled = True
    by_id["PPAYGTW"].urgency = "high"
    # A demo keeps its state for a day, and the card has a pending action to show.
    by_id["PCHKOUT"].acknowledgement_timeout_s = 24 * 60 * 60
    return made


PRIORITIES = (
    Priority(id="PPRIO01", name="P1", description="Customers cannot buy. Everybody stops."),
    Priority(id="PPRIO02", name="P2", description="Many customers are held up."),
    Priority(id="PPRIO03", name="P3", description="Some customers notice."),
    Priority(id="PPRIO04", name="P4", description="Only we notice."),
)

ABILITIES = ("sso", "teams", "urgencies", "event_rules", "service_support_hours", "read_only_users")
