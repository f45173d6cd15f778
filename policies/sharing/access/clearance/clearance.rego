# METADATA
# title: The clearance reaches the grade
# description: >-
#   Establishes for every column that its grade after treatment is above neither the requester's clearance nor what the
#   channel may carry. Of the action that the purpose names and the action that the clearance leaves, the strictest wins; of
#   the grades of what is brought together, the highest.
# custom:
#   basis: GB/T 43697-2024; Data Security Law, article 21
package sharing.access.clearance

import data.sharing.access.denial
import data.sharing.access.minimisation
import data.sharing.access.purpose

default established := false

established if {
	channel_known
	every dataset in input.query.datasets {
		count(grades[dataset.name]) == count(dataset.columns)
	}
	every grade in left {
		reach[grade] == true
		ceiling[grade] == true
	}
}

# METADATA
# description: The grades of the columns after their treatment, by dataset; a column whose grade is unknown is missing.
grades := {dataset.name: graded |
	some dataset in input.query.datasets
	registered := purpose.needs[dataset.name].grades
	graded := [registered[column.name] | some column in dataset.columns]
} if {
	minimisation.names_available
}

left := {grade | some graded in grades; some grade in graded}

# METADATA
# description: The grades that the requester may see.
reach := data.catalog.grades_within[input.requester.clearance]

# METADATA
# description: The grades that the requester's channel may carry; undefined for a channel that is not registered.
ceiling := data.catalog.grades_within[data.catalog.channel_ceilings[input.context.channel]]

default channel_known := false

channel_known if ceiling

# METADATA
# description: Columns in forms that the requester may see through this channel, by dataset. For denied queries only.
cleared := {dataset.name: columns |
	some dataset in input.query.datasets
	treatments := minimisation.treatments[dataset.name]
	registered := purpose.needs[dataset.name].grades
	columns := {column.name: treatments[column.name] |
		some column in dataset.columns
		reach[registered[column.name]] == true
		ceiling[registered[column.name]] == true
	}
} if {
	channel_known
}

# METADATA
# description: The highest grade of a column after its treatment, which is the grade of the whole; the lowest of all for none.
highest_grade := highest[0] if {
	highest[0]
} else := lowest

lowest := data.catalog.grades[count(data.catalog.grades) - 1]

highest := [grade | some grade in data.catalog.grades; left[grade]]

# METADATA
# description: The strictest of what purpose and clearance say.
treatment(dataset, column) := cleared[dataset][column]

treatment(dataset, column) := {"action": "deny", "mask": null} if not cleared[dataset][column]

denials contains denial.make("CLEARANCE_TOO_LOW", "clearance", [concat(".", [dataset.name, column.name])], "ASK_COLLEAGUE", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	some column in dataset.columns
	not within(dataset.name, column.name, reach)
}

denials contains denial.make("CHANNEL_CEILING", "clearance", [concat(".", [dataset.name, column.name])], "OTHER_CHANNEL", []) if {
	minimisation.names_available
	some dataset in input.query.datasets
	some column in dataset.columns
	channel_known
	within(dataset.name, column.name, reach)
	not within(dataset.name, column.name, ceiling)
}

within(dataset, column, limit) if limit[purpose.needs[dataset].grades[column]] == true

denials contains denial.make("CHANNEL_CEILING", "clearance", [dataset.name], "OTHER_CHANNEL", []) if {
	minimisation.names_available
	not channel_known
	some dataset in input.query.datasets
}
