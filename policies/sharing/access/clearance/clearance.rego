# METADATA
# title: The clearance reaches the grade
# description: >-
#   Establishes for every column that its grade after treatment is not above the requester's clearance. Of the action that
#   the purpose names and the action that the clearance leaves, the strictest wins.
# custom:
#   basis: GB/T 43697-2024; Data Security Law, article 21
package sharing.access.clearance

import data.sharing.access.denial
import data.sharing.access.minimisation

default established := false

established if {
	every dataset in input.query.datasets {
		count(cleared[dataset.name]) == count(dataset.columns)
	}
}

# METADATA
# description: >-
#   What makes a column visible: its grade, or an action after which it is visible whatever its grade was. `clear` and
#   `lookup` keep the grade.
visible := grades | actions

registered := {grade |
	some grade in object.keys(data.catalog.grades)
	is_number(data.catalog.grades[grade])
}

grades := {grade |
	some grade in registered
	data.catalog.grades[grade] <= data.catalog.grades[input.requester.clearance]
}

actions := {action |
	some action in (object.keys(data.catalog.grade_of_treated) - {"clear", "lookup"})
	grades[data.catalog.grade_of_treated[action]]
}

# METADATA
# description: Columns in forms that the requester may see, by dataset.
cleared := {dataset.name: columns |
	some dataset in input.query.datasets
	treatments := minimisation.treatments[dataset.name]
	catalogued := data.catalog.datasets[dataset.name].columns
	columns := {column.name: treatment |
		some column in dataset.columns
		treatment := treatments[column.name]
		grade := catalogued[column.name].grade
		registered[grade]
		some mark in [grade, treatment.action]
		visible[mark]
	}
} if {
	minimisation.names_available
}

# METADATA
# description: The strictest of what purpose and clearance say.
treatment(dataset, column) := cleared[dataset][column]

treatment(dataset, column) := {"action": "deny", "mask": null} if not cleared[dataset][column]

denials contains denial.make("CLEARANCE_TOO_LOW", "clearance", [concat(".", [dataset.name, column.name])], "ASK_COLLEAGUE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	some column in dataset.columns
	not cleared[dataset.name][column.name]
}
