// SPDX-License-Identifier: Apache-2.0

package demo

// What customers write and what aria answers, by intent and language. The
// placeholders are those of fill.

type script struct {
	asks, replies map[string][]string
}

// library is all that people and machines can say, made once.
type library struct {
	scripts  map[string]script
	mails    map[string][][2]string
	articles []obj
	reasons  []reason
	products []product
	releases []release
}

func newLibrary() library {
	return library{scripts: scripts(), mails: mails(), articles: articles(), reasons: reasons(), products: products(), releases: releases()}
}

func scripts() map[string]script {
	return map[string]script{
		"order_status": {asks: map[string][]string{
			"en": {"Hi, where is my order {order}? It was supposed to be here by now.", "Can you tell me when the {item} will arrive? Order {order}, placed on {placed}.",
				"Tracking for {order} has not moved in four days. Is the parcel lost?", "Morning! Any news on {order}? I have to arrange for someone to be in.",
				"{carrier} says 'delivered' but there is nothing at {street}. What now?", "I ordered a {item} on {placed} and heard nothing since the confirmation."},
			"de": {"Hallo, wo bleibt meine Bestellung {order}? Sie sollte längst da sein.", "Wann kommt {item} an? Bestellnummer {order}, bestellt am {placed}.",
				"Die Sendungsverfolgung für {order} steht seit vier Tagen still. Ist das Paket verloren?", "Guten Morgen, gibt es etwas Neues zu {order}? Ich muss jemanden organisieren, der da ist.",
				"{carrier} schreibt „zugestellt“, aber in {city} ist nichts angekommen."}},
			replies: map[string][]string{
				"en": {"Thanks {first}, I've checked {order}: it left our warehouse and is with {carrier}. The current estimate is {delivered}.", "Your {item} is on its way with {carrier}; they expect to deliver on {delivered}. I've switched on delivery messages to {email}.",
					"I'm sorry for the wait, {first}. The parcel was delayed at the {carrier} hub and is moving again; it should reach {city} by {delivered}.", "I can see {order} was scanned at the depot this morning. If it is not with you by {delivered}, write to me here and I will start a search with {carrier}."},
				"de": {"Danke, {first}. {order} hat unser Lager verlassen und ist bei {carrier}. Die Zustellung ist für den {delivered} geplant.", "{item} ist mit {carrier} unterwegs und soll am {delivered} ankommen. Sie erhalten Nachrichten dazu an {email}.",
					"Das Warten tut mir leid. Das Paket hing im Verteilzentrum fest und ist jetzt wieder unterwegs nach {city}, voraussichtlich bis {delivered}."}}},
		"change_address": {asks: map[string][]string{
			"en": {"I've moved. Please send {order} to my new flat instead of {street}.", "Can {order} go to my office? Nobody is home during the day.", "There's a typo in my address, it should be {street}, {city}. Order {order}."},
			"de": {"Ich bin umgezogen. Bitte schicken Sie {order} nicht mehr in die alte Wohnung.", "Kann {order} ins Büro geliefert werden? Tagsüber ist niemand zu Hause.", "In meiner Adresse ist ein Fehler, richtig ist {street}, {city}. Bestellung {order}."}},
			replies: map[string][]string{
				"en": {"Done: {order} now goes to the new address, and I've saved it in your profile, {first}.", "I've passed the change to {carrier}. They confirm it within two hours by email to {email}."},
				"de": {"Erledigt: {order} geht jetzt an die neue Adresse. Ich habe sie auch in Ihrem Profil gespeichert.", "Ich habe die Änderung an {carrier} gegeben. Die Bestätigung kommt innerhalb von zwei Stunden an {email}."}}},
		"cancel_order": {asks: map[string][]string{
			"en": {"Please cancel {order}, I found the {item} cheaper elsewhere.", "I ordered twice by accident. Cancel {order} please, keep the other one.", "Can I still cancel order {order}? It only went in last night."},
			"de": {"Bitte stornieren Sie {order}, ich habe aus Versehen doppelt bestellt.", "Kann ich {order} noch stornieren? Die Bestellung ist erst von gestern Abend.", "Ich brauche {item} doch nicht. Bitte {order} stornieren."}},
			replies: map[string][]string{
				"en": {"I've cancelled {order}. {amount} goes back to your card ending {four} within five working days.", "{order} had not been packed yet, so it is cancelled and nothing will be charged. Anything else, {first}?"},
				"de": {"{order} ist storniert. {amount} werden innerhalb von fünf Werktagen auf die Karte mit der Endung {four} erstattet.", "{order} war noch nicht verpackt und ist storniert, es wird nichts abgebucht."}}},
		"product_question": {asks: map[string][]string{
			"en": {"Does the {item} come with a spare bulb or battery?", "What are the exact measurements of the {item}? I have a narrow hallway.", "Is the {item} safe for a house with small children?", "Can I use the {item} outdoors if it gets wet now and then?", "How long is the warranty on the {item}?"},
			"de": {"Welche Maße hat {item} genau? Unser Flur ist schmal.", "Ist {item} für einen Haushalt mit kleinen Kindern geeignet?", "Wie lange ist die Garantie auf {item}?", "Kann man {item} auch draußen benutzen?"}},
			replies: map[string][]string{
				"en": {"The {item} is covered for three years; you only need order number {order} as proof.", "Yes, the {item} meets the EN 71 safety requirements. I've sent the data sheet with all measurements to {email}.", "The data sheet says the {item} is made for dry rooms only, so I would not leave it outside."},
				"de": {"Auf {item} geben wir drei Jahre Garantie; als Nachweis genügt die Bestellnummer {order}.", "Ja, {item} erfüllt EN 71. Das Datenblatt mit allen Maßen habe ich an {email} geschickt.", "Laut Datenblatt ist {item} nur für trockene Räume gedacht."}}},
		"complaint": {asks: map[string][]string{
			"en": {"This is the third time I'm writing about {order}. Nobody answers. I am really annoyed.", "The courier threw the parcel over the fence. The {item} has a dent. Unacceptable.", "Your newsletter keeps coming although I unsubscribed twice."},
			"de": {"Ich schreibe jetzt zum dritten Mal wegen {order}, und niemand antwortet. Das ärgert mich sehr.", "Der Bote hat das Paket über den Zaun geworfen, {item} hat eine Delle.", "Der Newsletter kommt weiter, obwohl ich ihn zweimal abbestellt habe."}},
			replies: map[string][]string{
				"en": {"I'm sorry, {first}; that is not how it should be. I've opened a complaint for {order} and added a 10 voucher to your account.", "You're right to be annoyed. I've reported this to {carrier} and a colleague will write to {email} by tomorrow evening."},
				"de": {"Das tut mir leid, {first}. Ich habe zu {order} eine Beschwerde angelegt und einen Gutschein über 10 gutgeschrieben.", "Ihr Ärger ist verständlich. Ich habe den Vorfall an {carrier} gemeldet; eine Kollegin schreibt bis morgen Abend an {email}."}}},
		"person_request": {asks: map[string][]string{
			"en": {"I want to speak to a human being please.", "Stop. Can I talk to someone real about {order}?", "Agent. Human. Now please."},
			"de": {"Ich möchte bitte mit einem Menschen sprechen.", "Kann ich mit jemandem über {order} reden, der kein Computer ist?"}},
			replies: map[string][]string{
				"en": {"Of course, {first}. I'm connecting you to a colleague and passing on what we've discussed about {order}.", "Sure, a colleague takes over. You won't have to repeat yourself."},
				"de": {"Natürlich, {first}. Ich verbinde Sie und gebe weiter, was wir zu {order} besprochen haben.", "Gern, eine Kollegin übernimmt. Sie müssen nichts wiederholen."}}},
		"refund_request": {asks: map[string][]string{
			"en": {"The {item} from order {order} arrived broken. I'd like my money back, {amount}.", "I returned the {item} two weeks ago and still have no refund. Order {order}.", "Parcel for {order} never came although it says signed for. Please refund {amount}.",
				"The {item} is not what the photos show. I want to return it and get {amount} back.", "One of two parts is missing in {order}. Refund please.", "My {item} stopped working after ten days. I don't want a replacement, just the refund."},
			"de": {"{item} aus Bestellung {order} kam kaputt an. Ich hätte gern mein Geld zurück, {amount}.", "Ich habe {item} vor zwei Wochen zurückgeschickt und noch keine Erstattung. Bestellung {order}.", "Das Paket zu {order} kam nie an, angeblich unterschrieben. Bitte {amount} erstatten.",
				"{item} sieht anders aus als auf den Fotos. Ich möchte es zurückgeben.", "{item} ging nach zehn Tagen kaputt. Ich möchte keinen Ersatz, sondern die Erstattung."}},
			replies: map[string][]string{
				"en": {"I'm sorry about that, {first}. I've put in a refund request over {amount} for {order}; you'll hear from us shortly.", "Thanks for telling me. I've recorded what happened with {order} and asked for the refund of {amount} to be checked."},
				"de": {"Das tut mir leid, {first}. Ich habe die Erstattung von {amount} zu {order} beantragt, Sie hören gleich von uns.", "Danke für den Hinweis. Ich habe den Fall zu {order} aufgenommen und die Erstattung von {amount} zur Prüfung gegeben."}}},
	}
}

// mails is what customers write by email, with the draft's middle part.
func mails() map[string][][2]string {
	return map[string][][2]string{
		"en": {
			{"Dear team,\n\nthe invoice for {order} shows the wrong company name. Could you correct it and send it to {email}? I need it for our accounts by Friday.\n\nKind regards\n{first} {last}",
				"I have corrected the invoice for {order} and attached the new version. The old one is cancelled, so please use this one for your accounts."},
			{"Hello,\n\nthe {item} squeaks whenever someone touches it. I followed the manual twice. Is there a trick, or is it faulty?\n\nThanks, {first}",
				"a squeak usually comes from the two bolts at the back: please tighten them with the key in the box by a quarter turn. If it still squeaks after that, we will exchange the {item} at no cost."},
			{"Hi,\n\nI'd like to order six of the {item} for our community centre in {city}. Is there a discount, and can you deliver on a Saturday?\n\n{first} {last}",
				"for six pieces we can offer 8 per cent off, and {carrier} delivers in {city} on Saturdays between 8 and 14. Tell me the date and I will prepare the offer."},
			{"To whom it may concern,\n\nI ask you to tell me which data you hold about me and where it came from.\n\n{first} {last}, {street}, {city}",
				"thank you for your request. I have passed it to our data protection team, who will answer within one month. You do not need to do anything else."},
			{"Good evening,\n\nyour app charged my card ending {four} twice for {order}. Please sort this out.\n\n{first}",
				"I can see two entries for {order}, of which one is only a reservation that your bank releases within three working days. If it is still there by then, write back and I will have it reversed."},
		},
		"de": {
			{"Sehr geehrte Damen und Herren,\n\nauf der Rechnung zu {order} steht der falsche Firmenname. Bitte korrigieren Sie das und schicken Sie die Rechnung an {email}.\n\nMit freundlichen Grüßen\n{first} {last}",
				"die Rechnung zu {order} ist korrigiert und liegt dieser Nachricht bei. Die alte ist storniert, bitte verwenden Sie nur noch diese."},
			{"Hallo,\n\n{item} quietscht bei jeder Berührung, obwohl ich die Anleitung zweimal befolgt habe. Gibt es einen Trick?\n\nViele Grüße\n{first}",
				"meist liegt es an den beiden hinteren Schrauben: Bitte ziehen Sie sie mit dem beiliegenden Schlüssel eine Vierteldrehung nach. Hilft das nicht, tauschen wir {item} kostenlos aus."},
			{"Guten Tag,\n\nwir möchten sechs Stück {item} für unser Gemeindehaus in {city} bestellen. Gibt es Rabatt, und liefern Sie samstags?\n\n{first} {last}",
				"ab sechs Stück geben wir 8 Prozent Rabatt, und {carrier} liefert in {city} samstags zwischen 8 und 14 Uhr. Nennen Sie mir den Termin, dann erstelle ich das Angebot."},
			{"Guten Abend,\n\nIhre App hat meine Karte mit der Endung {four} für {order} doppelt belastet. Bitte klären Sie das.\n\n{first} {last}",
				"zu {order} sehe ich zwei Einträge, einer davon ist nur eine Reservierung, die Ihre Bank innerhalb von drei Werktagen freigibt. Sollte sie dann noch bestehen, lasse ich sie zurückbuchen."},
		},
	}
}

// articles are what the knowledge base returns.
func articles() []obj {
	return []obj{
		{"id": "kb-112", "title": "Delivery times and tracking", "text": "Orders leave the warehouse within two working days. A parcel counts as late after seven working days; then a search is started with the carrier."},
		{"id": "kb-118", "title": "Changing an order", "text": "Addresses and quantities can be changed until the order is packed. After that only the carrier can redirect the parcel."},
		{"id": "kb-207", "title": "Returns and refunds", "text": "Goods can be returned within 30 days. Refunds over 500 need a second person. Damage on delivery is refunded when it is reported within 14 days, with a photo."},
		{"id": "kb-231", "title": "Signed deliveries", "text": "A signature is proof of delivery unless the customer disputes it. Disputed deliveries are checked against the carrier's photo and position."},
		{"id": "kb-305", "title": "Warranty", "text": "Three years on all electrical goods, five on frames. Wear parts are excluded. The order number is enough as proof of purchase."},
		{"id": "kb-340", "title": "Talking to a person", "text": "Whoever asks for a person gets one. The waiting time may be named, the request may not be argued with."},
	}
}

// reason is why a refund was denied.
type reason struct {
	code, input, label string
	text               map[string]string
}

func reasons() []reason {
	return []reason{
		{"refunds_60_days", "refund_history", "several refunds within 60 days", map[string]string{
			"en": "several refunds were paid to this account within the last 60 days", "de": "auf dieses Konto wurden in den letzten 60 Tagen mehrere Erstattungen gezahlt"}},
		{"signed_delivery", "order", "the delivery was signed for", map[string]string{
			"en": "the parcel was signed for at the address", "de": "der Empfang des Pakets wurde an der Adresse quittiert"}},
		{"late_return", "order", "claimed more than 30 days after delivery", map[string]string{
			"en": "the claim came more than 30 days after the delivery", "de": "die Reklamation kam mehr als 30 Tage nach der Lieferung"}},
		{"device_seen_elsewhere", "device", "the device is used by other accounts", map[string]string{
			"en": "the device used for the claim is also used by other accounts", "de": "das Gerät, von dem die Reklamation kam, wird auch von anderen Konten genutzt"}},
		{"serial_mismatch", "claim", "the serial number does not match the one sold", map[string]string{
			"en": "the serial number in the photo is not the one we sold", "de": "die Seriennummer auf dem Foto ist nicht die von uns verkaufte"}},
		{"photo_missing", "claim", "no photo of the damage", map[string]string{
			"en": "the claim came without a photo", "de": "der Reklamation lag kein Foto bei"}},
		{"high_value", "order", "high value of the order", map[string]string{
			"en": "the value of the order is high compared with earlier ones", "de": "der Bestellwert ist hoch im Vergleich zu früheren"}},
	}
}
