# The ledger. A test keeps its keys and indexes equal to those that
# `tagalong ledger create` makes (functions/internal/dynamo/table.go).
resource "aws_dynamodb_table" "ledger" {
  name         = local.table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"]

    content {
      name = attribute.value
      type = "S"
    }
  }

  # Later versions 6 of the provider warn that the keys of an index are to be given as
  # key_schema, which 5.100 does not know. They take these as well.
  dynamic "global_secondary_index" {
    for_each = ["gsi1", "gsi2"]

    content {
      name            = global_secondary_index.value
      hash_key        = "${global_secondary_index.value}pk"
      range_key       = "${global_secondary_index.value}sk"
      projection_type = "ALL"

      dynamic "on_demand_throughput" {
        for_each = local.on_demand_limits

        content {
          max_read_request_units  = on_demand_throughput.value.read
          max_write_request_units = on_demand_throughput.value.write
        }
      }
    }
  }

  dynamic "on_demand_throughput" {
    for_each = local.on_demand_limits

    content {
      max_read_request_units  = on_demand_throughput.value.read
      max_write_request_units = on_demand_throughput.value.write
    }
  }

  # Always there: without it, rows would go on expiring after a retention is taken
  # back, since the provider leaves alone what is not named.
  ttl {
    attribute_name = "expires"
    enabled        = var.retention_days != null
  }

  point_in_time_recovery {
    enabled = var.point_in_time_recovery
  }

  # Without a key of the customer's the table is encrypted with one that AWS owns.
  server_side_encryption {
    enabled     = var.kms_key_arn != null
    kms_key_arn = var.kms_key_arn
  }

  deletion_protection_enabled = var.deletion_protection

  tags = local.tags

  lifecycle {
    precondition {
      condition     = var.kms_key_arn == null ? true : startswith(var.kms_key_arn, "arn:${local.partition}:kms:${local.region}:")
      error_message = "kms_key_arn \"${coalesce(var.kms_key_arn, "null")}\": want a key of ${local.region}, where the table and the queues are."
    }
  }
}

locals {
  on_demand_limits = var.on_demand_limits[*] # one or none
}
