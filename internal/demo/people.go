// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"
	"time"
)

// customer is a person who never existed.
type customer struct {
	subject     string // stable pseudonym
	first, last string
	email       string
	locale      string // en-GB, en-IE, de-DE, de-AT
	country     string
	city        string
	street      string
	zip         string
	tier        string
	since       int
	refunds     int // in the last 60 days
	lastFour    string
}

func (c customer) lang() string { return c.locale[:2] }

func (c customer) currency() string {
	if c.country == "GB" {
		return "GBP"
	}
	return "EUR"
}

// money writes an amount as the customer's country does.
func (c customer) money(amount float64) string {
	switch {
	case c.country == "GB":
		return fmt.Sprintf("£%.2f", amount)
	case c.lang() == "de":
		return strings.Replace(fmt.Sprintf("%.2f €", amount), ".", ",", 1)
	}
	return fmt.Sprintf("€%.2f", amount)
}

// day writes a date as the customer's language does.
func (c customer) day(t time.Time) string {
	if c.lang() == "de" {
		return t.Format("02.01.2006")
	}
	return t.Format("2 January")
}

// hello is a name as in a greeting.

func (c customer) profile() obj {
	return obj{"customer": c.subject, "name": c.first + " " + c.last, "email": c.email, "tier": c.tier, "customer_since": c.since,
		"address": obj{"street": c.street, "zip": c.zip, "city": c.city, "country": c.country}, "language": c.locale}
}

type land struct {
	locale, country string
	firsts, lasts   []string
	cities, streets []string
	weight          int
}

func lands() []land {
	enFirst := strings.Fields("Olivia Amelia Isla Ava Grace Freya Emily Sophie Charlotte Harriet Priya Aisha Zara Maeve Niamh Orla George Oliver Harry Jack Noah Thomas James Samuel Daniel Callum Rhys Arjun Imran Kwame Declan Conor Finn Martin Keith Alan Denise Tracey Lorraine Pauline")
	enLast := strings.Fields("Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Wright Walker Robinson Thompson White Hughes Edwards Green Hall Wood Harris Clarke Jackson Khan Begum Okafor Mensah Murphy Kelly Byrne Ryan Walsh Doyle Gallagher Fraser Campbell Reid Bell Marsh Pemberton Ashworth")
	deFirst := strings.Fields("Hannah Emma Mia Lena Anna Lea Marie Johanna Sabine Monika Petra Ursula Aylin Elif Katarzyna Ben Paul Leon Finn Jonas Felix Lukas Maximilian Moritz Jürgen Klaus Wolfgang Uwe Mehmet Emre Dmitri Tobias Stefan Andreas Florian Sebastian Greta Frieda Ingrid Renate")
	deLast := strings.Fields("Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Werner Krause Lehmann Yılmaz Kaya Demir Nowak Kowalski Gruber Huber Pichler Steiner Moser Eder Brandt")
	return []land{
		{"en-GB", "GB", enFirst, enLast, []string{"Leeds", "Bristol", "Glasgow", "Cardiff", "Norwich", "Sheffield", "Exeter", "London", "Newcastle", "Belfast"},
			[]string{"Mill Lane", "Station Road", "Church Street", "Quay Street", "Elm Grove", "Park Avenue", "High Street", "Orchard Close"}, 48},
		{"de-DE", "DE", deFirst, deLast, []string{"Köln", "Leipzig", "Hamburg", "München", "Dortmund", "Nürnberg", "Kiel", "Freiburg", "Berlin", "Kassel"},
			[]string{"Lindenweg", "Bahnhofstraße", "Gartenstraße", "Schillerstraße", "Am Markt", "Bergstraße", "Ringstraße", "Hafenweg"}, 34},
		{"en-IE", "IE", enFirst, enLast, []string{"Dublin", "Cork", "Galway", "Limerick"}, []string{"Main Street", "Strand Road", "Abbey Lane"}, 9},
		{"de-AT", "AT", deFirst, deLast, []string{"Wien", "Graz", "Linz", "Salzburg"}, []string{"Hauptplatz", "Mariahilfer Straße", "Feldgasse"}, 9},
	}
}

// populate makes the customers. Some come back often: they are drawn by a
// squared random number.
func (g *generator) populate(n int) []customer {
	all := lands()
	out := make([]customer, 0, n)
	for range n {
		l, w := all[0], g.rng.IntN(100)
		for _, cand := range all {
			if l = cand; w < cand.weight {
				break
			}
			w -= cand.weight
		}
		c := customer{first: pick(g, l.firsts), last: pick(g, l.lasts), locale: l.locale, country: l.country, city: pick(g, l.cities)}
		c.subject = fmt.Sprintf("customer:%010x", g.rng.Uint64()>>24)
		c.street = fmt.Sprintf("%s %d", pick(g, l.streets), 1+g.rng.IntN(140))
		if c.lang() == "en" {
			c.street = fmt.Sprintf("%d %s", 1+g.rng.IntN(140), pick(g, l.streets))
		}
		c.zip = fmt.Sprintf("%05d", 10000+g.rng.IntN(89000))
		c.email = fmt.Sprintf("%s.%s%d@example.com", ascii(c.first), ascii(c.last), g.rng.IntN(90)+10)
		c.tier = pick(g, []string{"basic", "basic", "basic", "plus", "plus", "gold"})
		c.since = 2012 + g.rng.IntN(14)
		c.refunds = max(0, g.rng.IntN(7)-3)
		c.lastFour = fmt.Sprintf("%04d", g.rng.IntN(10000))
		out = append(out, c)
	}
	return out
}

func ascii(s string) string {
	return strings.NewReplacer("ü", "ue", "ä", "ae", "ö", "oe", "ß", "ss", "ı", "i", "Y", "y").Replace(strings.ToLower(s))
}

func (g *generator) someone() customer {
	f := g.rng.Float64()
	return g.people[int(f*f*float64(len(g.people)))]
}

// product is something that is sold.
type product struct {
	sku, en, de string
	category    string
	price       float64
}

func products() []product {
	return []product{
		{"LMP-0231", "Nordlicht floor lamp", "Stehlampe Nordlicht", "lighting", 89.90}, {"LMP-0307", "Orbit desk lamp", "Schreibtischlampe Orbit", "lighting", 44.50},
		{"CHR-1120", "Ergo office chair", "Bürostuhl Ergo", "furniture", 249.00}, {"TBL-0450", "oak side table", "Beistelltisch Eiche", "furniture", 129.00},
		{"SFA-0088", "two-seat sofa Alva", "Zweisitzer Alva", "furniture", 699.00}, {"MAT-0921", "memory foam mattress", "Matratze aus Memoryschaum", "bedroom", 379.00},
		{"BED-0310", "linen bedding set", "Bettwäsche aus Leinen", "bedroom", 74.95}, {"KTC-0554", "espresso machine Brera", "Espressomaschine Brera", "kitchen", 319.00},
		{"KTC-0561", "kettle Tide", "Wasserkocher Tide", "kitchen", 59.90}, {"KTC-0702", "cast-iron pan 28 cm", "Gusspfanne 28 cm", "kitchen", 64.00},
		{"ELC-2044", "noise-cancelling headphones", "Kopfhörer mit Geräuschunterdrückung", "electronics", 229.00}, {"ELC-2110", "wireless doorbell", "Funkklingel", "electronics", 49.00},
		{"ELC-2290", "robot vacuum S7", "Saugroboter S7", "electronics", 449.00}, {"GRD-0415", "teak garden bench", "Gartenbank Teak", "garden", 189.00},
		{"GRD-0433", "rattan parasol", "Sonnenschirm Rattan", "garden", 119.00}, {"KID-0199", "wooden play kitchen", "Spielküche aus Holz", "children", 139.00},
		{"KID-0240", "bunk bed Lio", "Etagenbett Lio", "children", 529.00}, {"RUG-0660", "wool rug 200x300", "Wollteppich 200x300", "textiles", 289.00},
		{"CUR-0127", "blackout curtains", "Verdunkelungsvorhänge", "textiles", 69.90}, {"BTH-0345", "bath mirror with light", "Badspiegel mit Licht", "bathroom", 159.00},
	}
}

// order is something that was bought.
type order struct {
	id        string
	item      product
	quantity  int
	total     float64
	placed    time.Time
	delivered time.Time
	carrier   string
	signed    bool
}

func (g *generator) order(at time.Time) order {
	o := order{id: fmt.Sprintf("W%06d", 100000+g.rng.IntN(899999)), item: pick(g, g.library.products), quantity: 1, carrier: pick(g, []string{"DHL", "DPD", "Hermes", "GLS", "UPS"})}
	if g.chance(18) {
		o.quantity = 2
	}
	o.total = round(o.item.price*float64(o.quantity) + pick(g, []float64{0, 0, 4.95, 7.90}))
	o.placed = at.Add(-g.between(3*24*time.Hour, 40*24*time.Hour))
	o.delivered = o.placed.Add(g.between(40*time.Hour, 140*time.Hour))
	o.signed = g.chance(70)
	return o
}

func (o order) value(c customer) obj {
	return obj{"order_id": o.id, "placed": o.placed.Format(time.DateOnly), "delivered": o.delivered.Format(time.DateOnly), "carrier": o.carrier,
		"signed_for": o.signed, "currency": c.currency(), "total": o.total, "payment": "card ending " + c.lastFour,
		"lines": []obj{{"sku": o.item.sku, "name": o.item.en, "quantity": o.quantity, "price": o.item.price}}}
}

// fill puts the facts of a customer and an order into a text.
func fill(text string, c customer, o order) string {
	item := o.item.en
	if c.lang() == "de" {
		item = o.item.de
	}
	return strings.NewReplacer("{first}", c.first, "{last}", c.last, "{order}", o.id, "{item}", item, "{amount}", c.money(o.total),
		"{placed}", c.day(o.placed), "{delivered}", c.day(o.delivered), "{carrier}", o.carrier, "{city}", c.city, "{street}", c.street,
		"{email}", c.email, "{four}", c.lastFour).Replace(text)
}
