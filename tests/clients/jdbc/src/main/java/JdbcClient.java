import java.io.PrintStream;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;

/** What a person does with the Flight SQL JDBC driver. Arguments: host:port and purpose; the token is in SHARING_TOKEN. */
public final class JdbcClient {
  private static final String TABLE = "legal_entity.enterprise";
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  public static void main(String[] arguments) throws SQLException {
    Properties properties = new Properties();
    properties.put("token", System.getenv("SHARING_TOKEN"));
    properties.put("useEncryption", "false");
    properties.put("x-sharing-purpose", arguments[1]);
    try (Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + arguments[0], properties)) {
      list(connection.getMetaData());
      prepared(connection);
      streamed(connection);
      cancelled(connection);
      refused(connection, "SELECT registered_capital FROM " + TABLE);
      refused(connection, "DELETE FROM " + TABLE);
    }
  }

  private static void list(DatabaseMetaData metadata) throws SQLException {
    OUT.println("server: " + metadata.getDatabaseProductName() + ", read-only: " + metadata.isReadOnly());
    try (ResultSet tables = metadata.getTables(null, null, "%", null)) {
      while (tables.next()) {
        OUT.printf("%s: %s.%s%n", tables.getString("TABLE_TYPE"), tables.getString("TABLE_SCHEM"), tables.getString("TABLE_NAME"));
      }
    }
    try (ResultSet columns = metadata.getColumns(null, "legal_entity", "enterprise", "%code")) {
      while (columns.next()) {
        OUT.printf("column: %s %s%n", columns.getString("COLUMN_NAME"), columns.getString("TYPE_NAME"));
      }
    }
    try (ResultSet keys = metadata.getPrimaryKeys(null, "legal_entity", "enterprise")) {
      while (keys.next()) {
        OUT.println("primary key: " + keys.getString("COLUMN_NAME"));
      }
    }
    OUT.println("questions of DatabaseMetaData that are not answered: " + unanswered(metadata));
  }

  private static List<String> unanswered(DatabaseMetaData metadata) {
    List<String> names = new ArrayList<>();
    for (Method question : DatabaseMetaData.class.getMethods()) {
      if (question.getParameterCount() == 0) {
        try {
          if (question.invoke(metadata) instanceof ResultSet answer) {
            answer.close();
          }
        } catch (ReflectiveOperationException | SQLException failure) {
          names.add(question.getName());
        }
      }
    }
    Collections.sort(names);
    return names;
  }

  private static void prepared(Connection connection) throws SQLException {
    String sql = "SELECT count(*) AS enterprises FROM " + TABLE + " WHERE enterprise_kind = ? AND division_code LIKE ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (String kind : new String[] {"company", "x' OR 'a' = 'a"}) {
        statement.setString(1, kind);
        statement.setString(2, "310101%");
        try (ResultSet result = statement.executeQuery()) {
          result.next();
          OUT.printf("prepared: %,d enterprises of kind %s%n", result.getLong(1), kind);
        }
      }
    }
  }

  private static void streamed(Connection connection) throws SQLException {
    long rows = 0;
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("SELECT credit_code, name FROM " + TABLE)) {
      while (result.next()) {
        rows += 1;
      }
    }
    OUT.printf("streamed: %,d rows%n", rows);
  }

  private static void cancelled(Connection connection) throws SQLException {
    long rows = 0;
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery("SELECT credit_code, name FROM " + TABLE)) {
      while (result.next()) {
        rows += 1;
        if (rows == 1) {
          statement.cancel();
        }
      }
      OUT.println("not cancelled: all rows came");
    } catch (SQLException error) {
      OUT.println("cancelled: before the last row: " + (rows < 1_000_000));
    }
  }

  private static void refused(Connection connection, String sql) {
    try (Statement statement = connection.createStatement()) {
      statement.executeQuery(sql).close();
      OUT.println("not refused: " + sql);
    } catch (SQLException error) {
      OUT.println("refused: " + error.getMessage());
    }
  }
}
