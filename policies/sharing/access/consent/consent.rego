# METADATA
# title: Consent where consent is the basis
# description: >-
#   Establishes, for a purpose that rests on consent, that every person looked up has consented to this purpose and this
#   office. A purpose that rests on another ground needs no consent and must not ask for it.
# custom:
#   basis: Personal Information Protection Law, articles 13, 14 and 15
package sharing.access.consent

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose

# Grounds that need no consent: article 13(1), items 2 to 7.
other_grounds := {"statutory_duty", "emergency", "contract", "news", "disclosed", "other_law"}

default established := false

established if {
	purpose.declared.consent_required == false
	other_grounds[purpose.declared.lawful_ground]
}

established if {
	asked
	every dataset in input.query.datasets {
		dataset.consents >= minimisation.keys_bound[dataset.name]
	}
}

default asked := false

asked if {
	purpose.declared.consent_required == true
	purpose.declared.lawful_ground == "consent"
}

denials contains denial.make("CONSENT_MISSING", "consent", [], "RECORD_CONSENT", []) if {
	minimisation.names_available
	asked
	not established
}

denials contains denial.make("CONSENT_MISSING", "consent", [], "CORRECT_PURPOSE", []) if {
	minimisation.names_available
	not asked
	not established
}
